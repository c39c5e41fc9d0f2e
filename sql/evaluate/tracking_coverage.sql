-- description: Of the views that came from a list (views_from_lists), the share that carries its request id, by day and endpoint. Below 0.8
-- clicks and orders are counted that much too low: mend how pages hand the request id to Matomo (docs/front-end.md).
-- key: day, endpoint
-- chart: line x=day y=coverage
-- column day: The day in REPORT_TIMEZONE.
-- column endpoint: The route that answered the list.
-- column views: Views that came from a list.
-- column tracked: Of them, those with a request id that was exposed.
-- column unknown: Of them, those with a request id that no list of the exposure log has.
-- column coverage: tracked per view.
-- column advice: What to mend where that is below 0.8.
-- column advice_zh: The same in Chinese.
with
counts as (
    select
        day,
        endpoint,
        count(*) as views,
        count(*) filter (where is_tracked) as tracked,
        count(*) filter (where is_unknown) as unknown
    from views_from_lists
    group by day, endpoint
)

select
    day,
    endpoint,
    views,
    tracked,
    unknown,
    round(tracked / views, 6) as coverage,
    tracking_advice(views, tracked, unknown, 'en') as advice,
    tracking_advice(views, tracked, unknown, 'zh') as advice_zh
from counts
