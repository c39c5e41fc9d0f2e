-- description: The request id in a URL (rid=req_…), encoded or not; one that stands there plainly goes first.
create or replace macro url_request_id(url) as
coalesce(
    nullif(regexp_extract(url, '[?&#;]rid=(req_[^\x00-\x20"#%&''/;<>?]+)(?:["#&''/;<>?]|$)', 1), ''),
    nullif(regexp_extract(url_text(url), '[?&#;]rid=(req_[^\x00-\x20"#&''/;<>?]+)', 1), '')
)
