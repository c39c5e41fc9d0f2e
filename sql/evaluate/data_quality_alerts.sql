-- description: What is wrong with the data and what to do: checks beyond what is usual, tables whose score is below 80, and contracts that
-- are broken.
-- key: table_name, check_name
-- column table_name: source.table, or interactions, dataset_features, user_profile, dataset_stats.
-- column severity: critical where it takes a fifth of the score or more, and for a score below 80; of a contract what that says; else
-- warning.
-- column check_name: The check, score or contract.
-- column value: What was found; of a contract how many of its rules are broken.
-- column bound: What is usual.
-- column advice: What to do.
select
    table_name,
    case when penalty >= 0.2 then 'critical' else 'warning' end as severity,
    check_name,
    value,
    bound,
    case check_name
        when 'nulls'
            then 'Rows lack what they need: fill the column at the source, or export it (rejected_rows and the staged table say which).'
        when 'duplicates' then 'The same is there more than once: look for an export that was joined, or a page that tracks twice.'
        when 'set_aside' then 'Values could not be read or used: set_aside has the reasons with examples.'
        when 'strangers' then 'Events name datasets or users that the sources do not have: export those tables whole, the deleted too.'
        when 'concentration' then 'Few datasets have nearly all views: look for a robot, a monitor or one campaign.'
        when 'price_outliers' then 'Prices lie far from the others: look for cents taken for yuan, or placeholders such as 999999.'
        when 'day_gaps' then 'Days are missing between others: look for an export that is not there, or tracking that was off.'
        when 'unusual_days' then 'Days have far more or fewer events than others: look for robots, or tracking that was off.'
    end as advice
from data_quality_checks
where value > bound
union all
select
    table_name,
    'critical',
    'score',
    score,
    80,
    'The score is below 80: the checks of this table above say what takes it down.'
from data_quality_scores
where score < 80
union all
select
    source || '.' || table_name,
    case when bool_or(severity = 'critical') then 'critical' else 'warning' end,
    'contract',
    count(*),
    0,
    'Rules of its schema contract are broken: schema_contract_results says which, with an example.'
from schema_contract_results
where status = 'violated' and severity <> 'info'
group by source, table_name
