-- description: Whether what a release is judged by lies within its usual bounds: tracking coverage, click and order rate of the last seven
-- days, and how old the newest row of each source is. What is outside comes with what to mend. A rate is outside where its whole 95 %
-- interval is; coverage, which is no matter of chance, as it stands.
-- key: name
-- column name: tracking_coverage, ctr, cvr, or freshness_ and a source.
-- column value: The figure; a share, or hours. NULL where there is nothing to measure.
-- column low: The lower bound; NULL where there is none.
-- column high: The upper bound; NULL where there is none.
-- column basis: What it was measured on: views, exposures or clicks; NULL for freshness.
-- column status: ok, low, high, or unknown where there is nothing to measure.
-- column advice: What to mend; NULL where nothing is outside.
-- column advice_zh: The same in Chinese.
with
recent as (
    select cast(report_day(getvariable('as_of')) - 7 as date) as first_day
),

tracked as (
    select coalesce(sum(views), 0) as views, coalesce(sum(tracked), 0) as tracked, coalesce(sum(unknown), 0) as unknown
    from tracking_coverage
    where day >= (select recent.first_day from recent)
),

counts as (
    select
        (select count(*) from exposures where day >= (select recent.first_day from recent)) as exposures,
        (select count(*) from clicks where day >= (select recent.first_day from recent)) as clicks,
        (select count(*) from attributed_conversions where day >= (select recent.first_day from recent)) as conversions
),

newest as (
    select
        source,
        max(watermark) filter (where watermark <= getvariable('as_of')) as newest_at
    from raw.watermarks
    -- a catalogue alone may stand still as long as it likes
    where source <> 'business' or exists (select 1 from orders)
    group by source
    union all
    select 'exposures', max(shown_at)
    from exposures
),

figures as (
    select
        'tracking_coverage' as name,
        tracked.tracked / nullif(tracked.views, 0) as value,
        cast(0.8 as double) as low,
        cast(null as double) as high,
        cast(tracked.views as bigint) as basis,
        false as is_sampled
    from tracked
    union all
    select 'ctr', clicks / nullif(exposures, 0), 0.03, 0.15, exposures, true
    from counts
    union all
    select 'cvr', conversions / nullif(clicks, 0), 0.005, 0.05, clicks, true
    from counts
    union all
    select
        'freshness_' || source,
        date_diff('second', newest_at, getvariable('as_of')) / 3600,
        null,
        -- a marketplace may have a quiet week; a day without a visit or a list has a cause
        case when source = 'business' then 168 else 48 end,
        null,
        false
    from newest
),

judged as (
    select
        name,
        value,
        low,
        high,
        basis,
        case
            when value is null then 'unknown'
            when is_sampled and value <= 1 and wilson_high(value, basis) < low then 'low'
            when is_sampled and value <= 1 and wilson_low(value, basis) <= high then 'ok'
            when value < low then 'low'
            when value > high then 'high'
            else 'ok'
        end as status
    from figures
),

advices (name, status, advice, advice_zh) as (
    values
    (
        'ctr', 'low',
        'lists are shown and hardly clicked: where tracking coverage is low, mend that first; else see which positions and pages are '
        || 'clicked (slot_metrics_v2, lists_nobody_clicks)',
        '列表展示了却很少被点：若追踪覆盖率低，先修它；否则看哪些位置、页面有点击（slot_metrics_v2、lists_nobody_clicks）'
    ),
    (
        'ctr', 'high',
        'lists are clicked more than people click: see whether bots stay below BOT_MAX_ACTIONS, and whether every list is in the '
        || 'exposure log',
        '点击率高得不像人：请看是否有爬虫低于 BOT_MAX_ACTIONS，以及每个列表是否都在曝光日志里'
    ),
    (
        'cvr', 'low',
        'clicks hardly lead to orders: see in reconciliation_daily whether Matomo misses orders (missing_in_matomo_count), and whether '
        || 'they carry a request id',
        '点击很少带来订单：请在 reconciliation_daily 看 Matomo 是否缺订单（missing_in_matomo_count），以及订单是否带请求号'
    ),
    (
        'cvr', 'high',
        'more orders than clicks account for: clicks are not tracked where pages lose the request id; see tracking_coverage',
        '订单多于点击所能解释：页面丢了请求号，点击就没有记上；见 tracking_coverage'
    ),
    (
        'freshness_business', 'high',
        'see whether exports still come to DATA_JSON_DIR, or what nearset reads of the database',
        '请看导出文件是否还送到 DATA_JSON_DIR，或数据库读到了什么'
    ),
    (
        'freshness_matomo', 'high',
        'see whether its exports still come, whether its pages still track, and MATOMO_SITE_ID',
        '请看导出文件是否还在送、页面是否还在上报，以及 MATOMO_SITE_ID'
    ),
    (
        'freshness_exposures', 'high',
        'see whether the server answers, and whether its log is in DATA_DIR/evaluation',
        '请看服务是否在应答，以及它的日志是否在 DATA_DIR/evaluation'
    )
)

select
    judged.name,
    round(judged.value, 6) as value,
    judged.low,
    judged.high,
    judged.basis,
    judged.status,
    case judged.name
        when 'tracking_coverage' then tracking_advice(tracked.views, tracked.tracked, tracked.unknown, 'en')
        else advices.advice
    end as advice,
    case judged.name
        when 'tracking_coverage' then tracking_advice(tracked.views, tracked.tracked, tracked.unknown, 'zh')
        else advices.advice_zh
    end as advice_zh
from judged
cross join tracked
left join advices on advices.name = judged.name and advices.status = judged.status
