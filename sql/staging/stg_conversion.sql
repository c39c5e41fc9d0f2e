-- description: One row per Matomo conversion of the sites that count, typed; goal 0 is an order, -1 a cart that was left.
-- key: visit_id, goal_id, buster
select
    whole_number(idvisit) as visit_id,
    coalesce(small_number(idgoal), 0) as goal_id,
    buster,
    matomo_time(server_time) as converted_at,
    text_of(idorder) as order_ref,
    money(revenue) as revenue,
    url_dataset_id(page_address(url), '(?:data(?:API)?Detail|payment)') as url_dataset_id,
    whole_number(idaction_url) as url_action_id,
    whole_number(idlink_va) as action_row_id,
    dimension_request_id(
        custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5
    ) as dimension_request_id
from raw.matomo_log_conversion
where whole_number(idvisit) is not null
    and (small_number(idgoal) is not null or text_of(idgoal) is null)
    and is_counted_site(idsite)
