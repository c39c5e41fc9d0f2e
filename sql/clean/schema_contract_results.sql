-- description: What the schema contracts ask of each source table, and whether its rows hold to it. A table that the source does not have
-- is not in it, unless its contract says that it must be there. Rows are counted as they came, whatever as_of is.
-- key: source, table_name, column_name, rule
-- column source: business or matomo.
-- column table_name: The source table.
-- column column_name: The column; empty where the rule is the whole table's.
-- column rule: table, present, not_null, type, min, max, allowed, unique or primary_key.
-- column expected: What the contract says: a type, a limit, values, the key's columns.
-- column severity: info, warning or critical, which stops a run before anything is published.
-- column owner: Whose it is to mend, where the contract says so.
-- column status: ok or violated.
-- column rows: Rows looked at.
-- column violations: Rows that break the rule.
-- column example: What stands in one of them.
select
    source,
    table_name,
    column_name,
    rule,
    expected,
    severity,
    coalesce(owner, '') as owner,
    case when violations = 0 then 'ok' else 'violated' end as status,
    rows,
    violations,
    example
from raw.schema_contract_checks
