-- description: How grave a finding on the quality of data is, whose it is to mend, and whether a run with it publishes nothing: by table
-- and check, % for any. Of the lines that fit, the one that says most counts. This is the place to change it.
-- key: table_name, check_name
-- column table_name: source.table, or what the figures are about.
-- column check_name: A check of data_quality_checks, score, or day. and a measure of data_quality_days.
-- column severity: info, warning or critical; NULL is critical where a check takes a fifth of the score or more, else warning.
-- column owner: Whose it is to mend.
-- column is_blocking: Whether a run with it publishes nothing (exit code 4).
-- column rank: How much the line says.
select
    policy.table_name,
    policy.check_name,
    policy.severity,
    policy.owner,
    policy.is_blocking,
    length(replace(policy.table_name, '%', '')) * 100 + length(replace(policy.check_name, '%', '')) as rank
from (
    values
    ('%', '%', null, 'analysts', false),
    ('%', 'score', 'critical', 'analysts', false),
    ('%', 'day.%', 'warning', 'analysts', false),
    ('business.%', '%', null, 'marketplace', false),
    ('business.%', 'day.%', 'warning', 'marketplace', false),
    ('matomo.%', '%', null, 'tracking', false),
    ('matomo.%', 'day.%', 'warning', 'tracking', false),
    ('exposures.%', '%', null, 'recommendation', false)
) as policy (table_name, check_name, severity, owner, is_blocking)
