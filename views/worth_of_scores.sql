-- description: What a score of /recommend/detail is worth: by tenths, the mean score and how often visitors went there next. 分数校准。
-- chart: line x=tenth y=observed,predicted
-- key: tenth
-- column tenth: From 1, the lowest scores, to 10.
-- column entries: Entries with such scores.
-- column predicted: The mean score.
-- column observed: The share of them that was gone to next.
-- column observed_low: Lower end of its 95 % Wilson interval.
-- column observed_high: Upper end of its 95 % Wilson interval.
-- column calibrated: The rate that such scores have, rising with the score.
select
    tenth,
    entries,
    predicted,
    observed,
    observed_low,
    observed_high,
    calibrated
from score_calibration
where basis = 'replayed' and model = 'holdout' and list = 'detail'
order by tenth
