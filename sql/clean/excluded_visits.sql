-- description: Visits of users and visitors whom a rule of exclude.toml names; they count nowhere.
-- key: visit_id, rule
-- column visit_id: Matomo's visit.
-- column rule: The rule.
-- column kind: user or visitor.
-- column value: What the rule names.
with
signs as (
    select
        visit_id,
        started_at,
        unnest([{ 'kind': 'user', 'value': cast(user_id as varchar) }, { 'kind': 'visitor', 'value': visitor_id }]) as sign
    from recorded_visits
)

select
    signs.visit_id,
    exclusions.rule,
    min(exclusions.kind) as kind,
    arg_min(exclusions.value, (exclusions.kind, exclusions.value)) as value
from signs
inner join raw.exclusions as exclusions
    on exclusions.kind = signs.sign['kind']
        and exclusions.value = signs.sign['value']
inner join raw.exclusion_rules as rules on rules.rule = exclusions.rule
where coalesce(signs.started_at >= rules.from_at, rules.from_at is null)
    and coalesce(signs.started_at < rules.until_at, rules.until_at is null)
    and rules.endpoints is null
group by signs.visit_id, exclusions.rule
