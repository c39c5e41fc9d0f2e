-- description: Text in ASCII where full-width forms stand for it, with single spaces and without what nobody sees.
create or replace macro plain_characters(value) as
trim(translate(
    regexp_replace(regexp_replace(value, '[\s\p{Z}]+', ' ', 'g'), '[' || invisible() || ']', '', 'g'),
    '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～'
    || '−–',
    '!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~'
    || '--'
))
