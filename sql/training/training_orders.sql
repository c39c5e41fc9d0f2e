-- description: The orders that training may see: those before train_until.
-- key: order_ref
-- unwindowed: no order is a step that is predicted, so those of held-out visits may be seen.
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column user_id: The known user; NULL where nobody was logged in.
-- column dataset_id: The dataset.
-- column ordered_at: When it was ordered, UTC.
select
    order_ref,
    user_id,
    dataset_id,
    ordered_at
from orders
where may_train_on(ordered_at)
