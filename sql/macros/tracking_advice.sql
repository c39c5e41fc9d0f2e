-- description: What to mend where fewer than 80 % of the views that came from a list carry its request id, in English (en) or Chinese (zh);
-- NULL where it is more, or there is no such view.
create or replace macro tracking_advice(views, tracked, unknown, language) as
case
    when views > 0 and tracked / views < 0.8 and unknown * 2 > views - tracked
        then case language
                when 'en'
                    then 'they carry request ids that the exposure log does not have: take in the log of every server, and let no page '
                        || 'or cache keep a list for another page view (docs/front-end.md)'
                else '所带的请求号不在曝光日志里：请把每台服务器的日志都交给运行，并且不要让页面或缓存把列表留给另一次浏览'
                    || '（docs/front-end.zh-CN.md）'
            end
    when views > 0 and tracked / views < 0.8
        then case language
                when 'en'
                    then 'clicks and orders are counted too low: give each link rid={request_id}, and hand it to Matomo before the page '
                        || 'view, as the snippet in docs/front-end.md does; where it is in another dimension, set MATOMO_REQUEST_DIMENSION'
                else '点击与订单因而少计：请像 docs/front-end.zh-CN.md 的代码那样给每个链接加上 rid={request_id}，'
                    || '并在页面浏览之前交给 Matomo；若放在别的维度，请设置 MATOMO_REQUEST_DIMENSION'
            end
end
