-- description: Listed datasets hardly anybody looks at, oldest first: what to promote, or to describe better. 冷门数据集。
-- chart: table
-- column dataset_id: The dataset.
-- column title: Its name.
-- column provider: The company that offers it.
-- column views: Views by people.
-- column exposures: How often it was shown in a list.
-- column quality: How whole its page is, 0 to 1.
-- column age_days: Days since it was made.
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
