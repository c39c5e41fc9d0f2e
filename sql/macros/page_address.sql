-- description: The part of a page's URL that says which dataset's page it is: the URL as it stands where it does, else what is left of
-- it without the values of its query, decoded (dataDetail%2F7). A page that is told another's address (login?back=%2FdataDetail%2F7)
-- is not that one.
create or replace macro page_address(url) as
case
    when url_dataset_id(url, '(?:data(?:API)?Detail|payment)') is not null then url
    else url_text(regexp_replace(url, '[?&][^=&#]*=[^&#]*', '', 'g'))
end
