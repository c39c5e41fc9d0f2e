-- description: The experiments of the file of experiments when the run began, a row for each variant, and the visitors who are held
-- out of all of them, as an experiment of its own (holdout).
-- key: experiment, experiment_variant
-- column experiment: Its name.
-- column experiment_variant: The variant.
-- column place: The variant's place in the file, from 0.
-- column is_control: Whether the others are compared with it.
-- column share: The variant's share of those who take part, when the run began.
-- column slot: The endpoint whose lists it changes; NULL of holdout, which is of all.
-- column state: planned, running, ended or stopped, at the run's moment.
-- column starts_at: Its first moment, UTC; NULL where the file names none.
-- column ends_at: The first moment after it, UTC; NULL where the file names none.
-- column metric: What variants are compared by: clicks (for each list), orders or revenue (for each visitor).
-- column least_effect: The smallest change that is worth finding, as a share of the control's figure.
select
    experiment,
    experiment_variant,
    place,
    is_control,
    share,
    slot,
    case
        when not is_active then 'stopped'
        when starts_at > getvariable('as_of') then 'planned'
        when ends_at <= getvariable('as_of') then 'ended'
        else 'running'
    end as state,
    starts_at,
    ends_at,
    metric,
    least_effect
from raw.experiments
