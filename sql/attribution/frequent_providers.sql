-- description: The fifty providers that are shown most.
-- column provider: The company that offers the datasets.
-- column exposures: Exposures.
select datasets.provider, count(*) as exposures
from exposures
inner join datasets on datasets.dataset_id = exposures.dataset_id
where datasets.provider is not null
group by datasets.provider
order by exposures desc, datasets.provider
limit 50
