-- description: Nothing that data_quality_policy says blocks is wrong with the data.
select table_name, check_name, value, owner
from data_quality_alerts
where is_blocking
union all
select table_name, 'day.' || measure, value, owner
from data_quality_anomalies
where is_blocking
