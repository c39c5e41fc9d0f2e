-- description: What lists shown on a page told of each dataset in them: examined is how many clicks their places alone would
-- have brought (a first place is looked at more than a sixth), clicks how many came. Of what training may see.
-- key: page_dataset_id, dataset_id
with
position_rates as (
    select position, count(*) filter (is_clicked) / count(*) as rate
    from exposure_outcomes
    where shown_at < coalesce(getvariable('train_until'), timestamp 'infinity')
        and shown_at <= getvariable('as_of')
    group by position
)

select
    exposure_outcomes.page_dataset_id,
    exposure_outcomes.dataset_id,
    count(*) as exposures,
    round(sum(position_rates.rate order by exposure_outcomes.request_id), 6) as examined,
    count(*) filter (exposure_outcomes.is_clicked) as clicks
from exposure_outcomes
inner join position_rates on position_rates.position = exposure_outcomes.position
where exposure_outcomes.page_dataset_id is not null
    and exposure_outcomes.shown_at < coalesce(getvariable('train_until'), timestamp 'infinity')
    and exposure_outcomes.shown_at <= getvariable('as_of')
    and not coalesce(
        exposure_outcomes.shown_at >= getvariable('held_out_from') and exposure_outcomes.shown_at < getvariable('held_out_until'),
        false
    )
group by exposure_outcomes.page_dataset_id, exposure_outcomes.dataset_id
