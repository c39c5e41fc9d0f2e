-- description: What each known user bought and looked at, newest first, as the server needs it: bought is never shown again.
-- key: user_id
with
histories as (
    select
        user_id,
        list(dataset_id order by last_at desc, dataset_id) filter (orders > 0) as bought,
        (list(dataset_id order by last_at desc, dataset_id) filter (views > 0))[1:20] as viewed
    from interactions_v2
    where user_id is not null
        and last_at <= getvariable('as_of')
    group by user_id
)

select
    coalesce(users.user_id, histories.user_id) as user_id,
    coalesce(histories.bought, []) as bought,
    coalesce(histories.viewed, []) as viewed
from users
full join histories on histories.user_id = users.user_id
