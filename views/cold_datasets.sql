-- description: Listed datasets hardly anybody looks at, oldest first: what to promote, or to describe better. 冷门数据集。
-- chart: table
select
    dataset_id,
    title,
    provider,
    views,
    exposures,
    quality,
    age_days
from dataset_features_v2
where is_listed and is_cold
order by age_days desc, dataset_id
