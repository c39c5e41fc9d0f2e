-- description: What lists shown on a page told of each dataset in them: examined is how many clicks their positions alone would
-- have brought (a first position is looked at more than a sixth), clicks how many came. Of what training may see. A visitor who asks
-- for a page's lists again and again on a day counts once for each dataset, at the best position that it had.
-- key: page_dataset_id, dataset_id
-- column page_dataset_id: The dataset on whose page the list stood.
-- column dataset_id: The dataset that stood in the lists.
-- column exposures: How often it stood there, once for a visitor and a day.
-- column examined: Clicks its positions alone would have brought.
-- column clicks: Clicks that came.
with
shown as (
    select page_dataset_id, dataset_id, position, shown_at, is_clicked
    from exposure_outcomes
    where may_train_on(shown_at) and visitor is null
    union all
    select page_dataset_id, dataset_id, min(position), min(shown_at), bool_or(is_clicked)
    from exposure_outcomes
    where may_train_on(shown_at) and visitor is not null
    group by page_dataset_id, dataset_id, visitor, day, is_held_out(shown_at)
),

position_rates as (
    select position, count(*) filter (where is_clicked) / count(*) as rate
    from shown
    group by position
)

select
    shown.page_dataset_id,
    shown.dataset_id,
    count(*) as exposures,
    -- decimals: the same sum in whatever order, without keeping every exposure of every couple until it can be sorted
    round(cast(sum(cast(position_rates.rate as decimal(18, 12))) as double), 6) as examined,
    count(*) filter (where shown.is_clicked) as clicks
from shown
inner join position_rates on position_rates.position = shown.position
where shown.page_dataset_id is not null
    and not is_held_out(shown.shown_at)
group by shown.page_dataset_id, shown.dataset_id
