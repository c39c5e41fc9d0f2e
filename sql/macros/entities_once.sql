-- description: Text whose HTML entities were encoded several times over, as if it were once: &amp;amp;lt; is &lt;.
create or replace macro entities_once(value) as
regexp_replace(value, '&(?:amp;)+([#A-Za-z0-9]{2,32};)', '&\1', 'g')
