-- description: The sites that Matomo's rows are of, with what there is of each, and whether they count (MATOMO_SITE_ID).
-- key: site_id
-- column site_id: The site (idsite); -1 where a row names none.
-- column is_counted: Whether its rows count.
-- column visits: Visits.
-- column actions: Page actions, events among them.
-- column conversions: Conversions, carts that were left among them.
with
rows_of_sites as (
    select idsite, 1 as visits, 0 as actions, 0 as conversions from raw.matomo_log_visit
    union all
    select idsite, 0, 1, 0 from raw.matomo_log_link_visit_action
    union all
    select idsite, 0, 0, 1 from raw.matomo_log_conversion
)

select
    coalesce(small_number(idsite), -1) as site_id,
    bool_or(is_counted_site(idsite)) as is_counted,
    cast(sum(visits) as bigint) as visits,
    cast(sum(actions) as bigint) as actions,
    cast(sum(conversions) as bigint) as conversions
from rows_of_sites
group by coalesce(small_number(idsite), -1)
