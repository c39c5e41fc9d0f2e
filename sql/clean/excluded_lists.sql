-- description: Lists that a rule of exclude.toml takes out of every figure and out of training, with what it knows them by.
-- key: request_id, rule
-- column request_id: The answered list (req_…).
-- column rule: The rule.
-- column kind: client (the server marked it), user, visitor, source, request_id, or all (a time).
-- column value: What the rule names.
-- column is_theirs: Whether the rule names who asked: then pages that were reached from the list are theirs, too.
-- column exposures: Items that stood in it.
with
signs as (
    select
        request_id,
        shown_at,
        endpoint,
        coalesce(len(items), 0) as exposures,
        unnest(
            [
                { 'kind': 'all', 'value': '' },
                { 'kind': 'user', 'value': cast(user_id as varchar) },
                { 'kind': 'visitor', 'value': visitor },
                { 'kind': 'source', 'value': source },
                { 'kind': 'request_id', 'value': request_id }
            ]
            || list_transform(coalesce(excluded, []), lambda rule: { 'kind': 'client', 'value': rule })
        ) as sign
    from stg_exposure
    where shown_at is not null and is_past(shown_at) and purpose is null
)

select
    signs.request_id,
    exclusions.rule,
    min(exclusions.kind) as kind,
    arg_min(exclusions.value, (exclusions.kind, exclusions.value)) as value,
    bool_or(exclusions.kind in ('client', 'user', 'visitor')) as is_theirs,
    min(signs.exposures) as exposures
from signs
inner join raw.exclusions as exclusions
    on exclusions.kind = signs.sign['kind']
        and exclusions.value = signs.sign['value']
inner join raw.exclusion_rules as rules on rules.rule = exclusions.rule
where signs.shown_at >= coalesce(rules.from_at, signs.shown_at)
    and coalesce(signs.shown_at < rules.until_at, true)
    and (rules.endpoints is null or list_contains(rules.endpoints, signs.endpoint))
group by signs.request_id, exclusions.rule
