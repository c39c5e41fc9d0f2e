-- description: Every visit that began by as_of and that exclude.toml does not take out, with the mark of a bot (more than
-- BOT_MAX_ACTIONS actions).
-- key: visit_id
-- column visit_id: Matomo's visit.
-- column visitor_id: Matomo's visitor (hex); one made of the visit where there is none.
-- column user_id: The known user, by id or by what MATOMO_USER_COLUMN names; NULL where nobody was logged in or nobody is known by that.
-- column started_at: Its first action, UTC.
-- column ended_at: Its last action, UTC.
-- column actions: Actions in it as Matomo counts them; its page views where Matomo does not say.
-- column total_seconds: Its length in seconds, as Matomo tells it.
-- column is_bot: Whether it has more than BOT_MAX_ACTIONS actions, and counts nowhere.
-- column day: The day of its start in REPORT_TIMEZONE.
select
    visit_id,
    visitor_id,
    user_id,
    started_at,
    ended_at,
    actions,
    total_seconds,
    is_bot,
    day
from recorded_visits
where visit_id not in (select excluded_visits.visit_id from excluded_visits)
