-- description: Where training ends and the held-out visits begin: the last tenth of the days with traffic, at most 14 days,
-- or holdout_from where that is set. A visit that spans the cut trains with the pages before it and is not held out.
-- column first_at: The first view, UTC.
-- column last_at: The last view, UTC.
-- column holdout_from: When the held-out visits begin, UTC.
with
traffic as (
    select
        min(viewed_at) as first_at,
        max(viewed_at) as last_at
    from page_views
)

select
    first_at,
    last_at,
    coalesce(
        getvariable('holdout_from'),
        last_at - least(to_days(14), to_seconds(cast(epoch(last_at - first_at) / 10 as bigint)))
    ) as holdout_from
from traffic
where first_at < last_at
