-- description: What each known user bought and looked at, newest first, in what training may see: bought is never shown again.
-- key: user_id
-- unwindowed: of users no more is read than who they are.
-- column user_id: The user.
-- column bought: Datasets ordered, newest first.
-- column viewed: Datasets viewed, newest first, at most 20.
with
viewed as (
    select user_id, (list(dataset_id order by last_at desc, dataset_id))[1:20] as viewed
    from (
        select user_id, dataset_id, max(viewed_at) as last_at
        from training_views
        where user_id is not null
        group by user_id, dataset_id
    )
    group by user_id
),

bought as (
    select user_id, list(dataset_id order by last_at desc, dataset_id) as bought
    from (
        select user_id, dataset_id, max(ordered_at) as last_at
        from training_orders
        where user_id is not null
        group by user_id, dataset_id
    )
    group by user_id
),

everyone as (
    select user_id from users
    union
    select user_id from viewed
    union
    select user_id from bought
)

select
    everyone.user_id,
    coalesce(bought.bought, []) as bought,
    coalesce(viewed.viewed, []) as viewed
from everyone
left join bought on bought.user_id = everyone.user_id
left join viewed on viewed.user_id = everyone.user_id
