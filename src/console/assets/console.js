// What pages do in a browser: draw charts, and little else.
