-- description: Whether what was shown can be followed to what was opened and ordered, step by step. A step that nothing leads
-- to is not passed.
-- key: name
-- column name: The step.
-- column passed: Whether it holds.
-- column value: The count or the share that it is judged by; NULL where there is nothing to judge.
-- column least: What that must be at least.
-- column message: What was found.
-- column advice: What to mend where it does not hold.
with
counted as (
    select
        (select count(*) from exposures) as exposures,
        (select count(*) from page_views) as views,
        (select count(*) from page_views where request_id is not null) as followed_views,
        (select count(*) from clicks) as clicks,
        (select count(*) from conversions where order_ref is not null) as conversions,
        (select count(*) from conversions where order_ref is not null and request_id is not null) as followed_conversions,
        (select count(*) from attributed_conversions) as attributed
),

exposed_views as (
    select count(*) as views
    from page_views
    where request_id in (select exposures.request_id from exposures)
),

steps as (
    select
        'exposures_logged' as name,
        cast(exposures as double) as value,
        1.0 as least,
        exposures || ' exposures are in the log' as message,
        'let visitors be served lists, and let the run read the servers'' exposure log (DATA_DIR/evaluation)' as advice
    from counted
    union all
    select
        'views_seen',
        cast(views as double),
        1.0,
        views || ' views of dataset pages are in Matomo',
        'check that Matomo''s tables or exports are read, and that pages'' addresses hold dataDetail/{id}'
    from counted
    union all
    select
        'views_carry_request_ids',
        cast(followed_views as double),
        1.0,
        followed_views || ' of ' || views || ' views carry a request id',
        'set the custom dimension, or rid= in the link, as docs/front-end.md shows; MATOMO_REQUEST_DIMENSIONS names the dimensions'
    from counted
    union all
    select
        'request_ids_were_exposed',
        round(exposed_views.views / nullif(counted.followed_views, 0), 6),
        0.8,
        exposed_views.views || ' of ' || counted.followed_views || ' views with a request id carry one that the log knows',
        'pass on the request_id of the list that was shown, and keep the logs of all servers in DATA_DIR/evaluation'
    from counted
    cross join exposed_views
    union all
    select
        'clicks_matched',
        cast(clicks as double),
        1.0,
        clicks || ' exposures were clicked',
        'open the dataset that was shown with the request id of its list'
    from counted
    union all
    select
        'conversions_carry_request_ids',
        round(followed_conversions / nullif(conversions, 0), 6),
        0.01,
        followed_conversions || ' of ' || conversions || ' conversions follow a page with a request id',
        'tell Matomo the order on the page where it is made: idorder T{task.id} or A{api_order.id}'
    from counted
    union all
    select
        'conversions_attributed',
        cast(attributed as double),
        1.0,
        attributed || ' orders are owed to a list',
        'orders are attributed where their request id was exposed and the business knows the order'
    from counted
)

select
    name,
    coalesce(value >= least, false) as passed,
    value,
    least,
    message,
    advice
from steps
