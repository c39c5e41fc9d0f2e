-- description: An amount of money out of text, to the hundredth of a cent: with a currency, separators of thousands, full-width digits,
-- 万, brackets or a minus for less than nothing; 0 where it says free. NULL where it is no amount, or could be two (1,5 and 1.200 €).
create or replace macro money(value) as
coalesce(
    case when regexp_full_match(value, '-?[0-9]{1,14}(?:[.][0-9]+)?') then cast(try_cast(value as decimal(18, 4)) as double) end,
    case
        when value is not null
            then list_transform(
                    [lower(number_text(value))],
                    lambda text: list_transform(
                        [regexp_extract(
                            text,
                            '^([(])? ?([+-]?) ?(?:rmb|cny|usd|eur|gbp|hkd|jpy|us[$]|hk[$]|[¥￥$€£]|元整?|人民币|美元|欧元|块)? ?([+-]?) ?(?:'
                            || '([0-9]+[.]?[0-9]*(?:e[+-]?[0-9]+)?|[.][0-9]+)'
                            || '|([1-9][0-9]{0,2}(?:,[0-9]{3})+(?:[.][0-9]+)?)'
                            || '|([1-9][0-9]{0,2}(?:[.][0-9]{3})+,[0-9]+|[1-9][0-9]{0,2}(?:[.][0-9]{3}){2,})'
                            || '|([1-9][0-9]{0,2}(?:[ ''’][0-9]{3})+(?:[.,][0-9]+)?)'
                            || ') ?([万亿]?) ?(?:rmb|cny|usd|eur|gbp|hkd|jpy|us[$]|hk[$]|[¥￥$€£]|元整?|人民币|美元|欧元|块)? ?([)])?$',
                            ['opened', 'sign', 'inner_sign', 'plain', 'commas', 'points', 'spaces', 'unit', 'closed']
                        )],
                        lambda part: case
                            when text in ('免费', '免費', 'free') then 0.0
                            -- where the euro is paid with, a point separates thousands as often as cents
                            when regexp_matches(text, '€|eur|欧元') and regexp_full_match(part.plain, '[1-9][0-9]{0,2}[.][0-9]{3}') then null
                            when (part.opened = '') = (part.closed = '') and length(part.opened || part.sign || part.inner_sign) < 2
                                then round(
                                        cast(try_cast(concat(
                                            part.plain,
                                            replace(part.commas, ',', ''),
                                            replace(replace(part.points, '.', ''), ',', '.'),
                                            replace(regexp_replace(part.spaces, '[ ''’]', '', 'g'), ',', '.')
                                        ) as decimal(18, 4)) as double)
                                        * case part.unit when '万' then 10000 when '亿' then 100000000 else 1 end
                                        * case when part.opened || part.sign || part.inner_sign in ('(', '-') then -1 else 1 end,
                                        4
                                    ) + 0.0
                        end
                    )[1]
                )[1]
    end
)
