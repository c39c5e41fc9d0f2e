-- description: What is wrong with the data and what to do: checks beyond what is usual, tables whose score is below 80, and contracts that
-- are broken.
-- key: table_name, check_name
-- column table_name: source.table, or interactions, dataset_features, user_profile, dataset_stats.
-- column severity: As data_quality_policy says (critical where it takes a fifth of the score or more, and for a score below 80); of a
-- contract what that says.
-- column check_name: The check, score or contract.
-- column value: What was found; of a contract how many of its rules are broken.
-- column bound: What is usual.
-- column advice: What to do.
-- column owner: Whose it is to mend.
-- column is_blocking: Whether a run with it publishes nothing.
select
    table_name,
    severity,
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
    end as advice,
    owner,
    is_blocking
from data_quality_checks
where value > bound
union all
select
    data_quality_scores.table_name,
    coalesce(data_quality_policy.severity, 'critical'),
    'score',
    data_quality_scores.score,
    80,
    'The score is below 80: the checks of this table above say what takes it down.',
    coalesce(data_quality_policy.owner, ''),
    coalesce(data_quality_policy.is_blocking, false)
from data_quality_scores
left join data_quality_policy
    on data_quality_scores.table_name like data_quality_policy.table_name
        and 'score' like data_quality_policy.check_name
where data_quality_scores.score < 80
qualify row_number() over (partition by data_quality_scores.table_name order by data_quality_policy.rank desc nulls last) = 1
union all
select
    source || '.' || table_name,
    case when bool_or(severity = 'critical') then 'critical' else 'warning' end,
    'contract',
    count(*),
    0,
    'Rules of its schema contract are broken: schema_contract_results says which, with an example.',
    coalesce(string_agg(distinct nullif(owner, ''), ', ' order by nullif(owner, '')), ''),
    false
from schema_contract_results
where status = 'violated' and severity <> 'info'
group by source, table_name
