-- description: One row per Matomo visit of the sites that count, typed; Matomo keeps UTC.
-- key: visit_id
-- column user_name: What Matomo calls the user, in lower case: an id, a login name, an address.
-- column user_id: The same where it is a number.
select
    whole_number(idvisit) as visit_id,
    small_number(idsite) as site_id,
    visitor_hex(idvisitor) as visitor_id,
    lower(text_of(user_id)) as user_name,
    whole_number(user_id) as user_id,
    matomo_time(visit_first_action_time) as first_action_at,
    matomo_time(visit_last_action_time) as last_action_at,
    small_number(visit_total_actions) as total_actions,
    small_number(visit_total_time) as total_seconds
from raw.matomo_log_visit
where whole_number(idvisit) is not null
    and is_counted_site(idsite)
