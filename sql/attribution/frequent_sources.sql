-- description: The fifty sources that show most: front ends name sources as they like, and what is shown once makes no row of its own.
-- materialize: view
-- column source: Where lists were shown, as the front end calls it; unknown.
-- column exposures: Exposures.
select source, count(*) as exposures
from exposure_outcomes
group by source
order by exposures desc, source
limit 50
