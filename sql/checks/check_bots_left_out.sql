-- description: No page, view or conversion may come from a bot's visit.
select
    'page_views' as relation,
    page_views.visit_id
from page_views
inner join visits on visits.visit_id = page_views.visit_id
where visits.is_bot
union all
select 'conversions', conversions.visit_id
from conversions
inner join visits on visits.visit_id = conversions.visit_id
where visits.is_bot
