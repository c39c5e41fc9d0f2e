-- description: The lists that visitors were shown then, by whatever made them (the replaced system, an earlier version), beside the lists
-- replayed, on the very same held-out steps and as long: does the next page stand among as many places as the shown list had, at most
-- ten. A list goes to the view of its page that is nearest in time, within half a minute, whether it was clicked or not. Visitors
-- follow what they are shown, which flatters the shown lists where they were seen; where visitors went on by themselves it is unfair to
-- them. Fair to both are steps at which no list was seen: there the last one counts that had been shown on that page before.
-- key: algorithm_version, endpoint, model, list, segment
-- column algorithm_version: What made the shown lists.
-- column endpoint: The route that answered them.
-- column model: holdout (trained without the held-out visits), challenger, current, or a version.
-- column list: The replayed list.
-- column segment: seen (the list was shown there and then), organic (those of them whose next page no list led to), or unseen.
-- column pairs: Held-out steps with such a list.
-- column visits: Held-out visits those are of.
-- column shown_length: How many places of the shown lists count, on average: all of them, at most ten.
-- column shown_hit_rate: Share of steps whose next page stood there.
-- column hit_rate: Share of steps whose next page is among as many places of the replayed list.
-- column difference: What the replayed list has more.
-- column difference_low: Lower end of its 95 % interval, of visits; NULL with a single visit.
-- column difference_high: Upper end of its 95 % interval, of visits; NULL with a single visit.
-- column verdict: better, worse, even (the interval holds 0) or too few (visits, below 30), of the replayed list.
with
replays as (
    select model, list, action_row_id, place
    from raw.offline_replays
    where list not like 'detail %'
),

views as (
    select
        page_views.action_row_id,
        page_views.visit_id,
        page_views.dataset_id,
        page_views.user_id,
        epoch_ms(page_views.viewed_at) as moment,
        lead(page_views.request_id) over (partition by page_views.visit_id order by page_views.place) is null as is_organic
    from page_views
),

lists as (
    select request_id, algorithm_version, endpoint, user_id, page_dataset_id, shown_at, epoch_ms(shown_at) as moment
    from exposures
    where position = 0
        and page_dataset_id in (
            select next_pages.dataset_id
            from next_pages
            where next_pages.action_row_id in (select replays.action_row_id from replays)
        )
),

-- minutes make the join of lists and views one of equals
minutes as (
    select *, unnest(list_distinct([(moment - 30000) // 60000, (moment + 30000) // 60000])) as minute
    from lists
),

near as (
    select
        minutes.request_id,
        minutes.algorithm_version,
        minutes.endpoint,
        views.action_row_id,
        abs(views.moment - minutes.moment) as distance
    from minutes
    inner join views
        on views.dataset_id = minutes.page_dataset_id
            and views.moment // 60000 = minutes.minute
            and coalesce(views.user_id = minutes.user_id, true)
    where abs(views.moment - minutes.moment) <= 30000
),

-- as near to two views is nobody's
owned as (
    select
        request_id,
        algorithm_version,
        endpoint,
        arg_min(action_row_id, (distance, action_row_id)) as action_row_id,
        min(distance) as distance
    from near
    group by request_id, algorithm_version, endpoint
    having count(*) = 1 or min(distance, 2)[1] < min(distance, 2)[2]
),

makers as (
    select distinct algorithm_version, endpoint
    from lists
),

unseen as (
    select makers.algorithm_version, makers.endpoint, next_pages.action_row_id, next_pages.dataset_id, next_pages.viewed_at
    from next_pages
    cross join makers
    where next_pages.action_row_id in (select replays.action_row_id from replays)
        and next_pages.action_row_id not in (select near.action_row_id from near)
),

last_shown as (
    select
        unseen.algorithm_version,
        unseen.endpoint,
        unseen.action_row_id,
        lists.request_id
    from unseen
    asof inner join lists
        on lists.algorithm_version = unseen.algorithm_version
            and lists.endpoint = unseen.endpoint
            and lists.page_dataset_id = unseen.dataset_id
            and lists.shown_at <= unseen.viewed_at
),

beside as (
    select algorithm_version, endpoint, action_row_id, arg_min(request_id, (distance, request_id)) as request_id, true as is_seen
    from owned
    group by algorithm_version, endpoint, action_row_id
    union all
    select algorithm_version, endpoint, action_row_id, min(request_id), false
    from last_shown
    group by algorithm_version, endpoint, action_row_id
),

shown as (
    select
        beside.algorithm_version,
        beside.endpoint,
        beside.action_row_id,
        any_value(views.visit_id) as visit_id,
        any_value(beside.is_seen) as is_seen,
        any_value(views.is_organic) as is_organic,
        least(count(*), 10) as length,
        min(exposures.position) filter (where exposures.dataset_id = next_pages.next_dataset_id) + 1 as place
    from beside
    inner join next_pages on next_pages.action_row_id = beside.action_row_id
    -- where a list led on that is not among these, another was seen
    inner join views on views.action_row_id = beside.action_row_id and (beside.is_seen or views.is_organic)
    inner join exposures on exposures.request_id = beside.request_id
    group by beside.algorithm_version, beside.endpoint, beside.action_row_id
),

compared as (
    select
        shown.algorithm_version,
        shown.endpoint,
        replays.model,
        replays.list,
        unnest(
            case
                when not shown.is_seen then ['unseen']
                when shown.is_organic then ['seen', 'organic']
                else ['seen']
            end
        ) as segment,
        shown.visit_id,
        shown.length,
        cast(coalesce(replays.place <= shown.length, false) as integer) as hit,
        cast(coalesce(shown.place <= shown.length, false) as integer) as shown_hit
    from shown
    inner join replays on replays.action_row_id = shown.action_row_id
),

by_visit as (
    select
        algorithm_version,
        endpoint,
        model,
        list,
        segment,
        visit_id,
        count(*) as steps,
        sum(length) as places,
        sum(hit) as hits,
        sum(shown_hit) as shown_hits,
        sum(hit - shown_hit) as more
    from compared
    group by algorithm_version, endpoint, model, list, segment, visit_id
),

sums as (
    select
        algorithm_version,
        endpoint,
        model,
        list,
        segment,
        sum(steps) as pairs,
        count(*) as visits,
        sum(places) / sum(steps) as shown_length,
        sum(shown_hits) / sum(steps) as shown_hit_rate,
        sum(hits) / sum(steps) as hit_rate,
        sum(more) / sum(steps) as difference,
        ratio_error(sum(more) / sum(steps), sum(more * more), sum(more * steps), sum(steps * steps), sum(steps), count(*)) as deviation
    from by_visit
    group by algorithm_version, endpoint, model, list, segment
)

select
    algorithm_version,
    endpoint,
    model,
    list,
    segment,
    cast(pairs as bigint) as pairs,
    visits,
    round(shown_length, 2) as shown_length,
    round(shown_hit_rate, 6) as shown_hit_rate,
    round(hit_rate, 6) as hit_rate,
    round(difference, 6) as difference,
    round(difference - z_95() * deviation, 6) as difference_low,
    round(difference + z_95() * deviation, 6) as difference_high,
    verdict_of(difference, deviation, visits) as verdict
from sums
