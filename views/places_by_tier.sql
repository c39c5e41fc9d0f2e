-- description: Who gets the places of /recommend/detail on held-out steps: tiers of popularity, beside what visitors went to. 各热门层级的位置占比。
-- chart: bar x=tier y=exposure_share,wanted_share,catalogue_share
-- key: tier
-- column tier: head (the most viewed before, with half of the views), middle, tail (the last tenth), new (made in 30 days) or unlisted.
-- column exposure_share: Its share of the places.
-- column exposure_share_low: Lower end of its 95 % interval.
-- column exposure_share_high: Upper end of its 95 % interval.
-- column wanted_share: Its share of what visitors went to.
-- column catalogue_share: Its share of the listed datasets.
select
    value as tier,
    exposure_share,
    exposure_share_low,
    exposure_share_high,
    wanted_share,
    catalogue_share
from list_fairness
where basis = 'replayed' and model = 'holdout' and list = 'detail' and breakdown = 'tier'
order by list_position(['head', 'middle', 'tail', 'new'], value)
