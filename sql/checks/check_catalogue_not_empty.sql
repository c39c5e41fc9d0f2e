-- description: A catalogue without a single listed dataset would publish empty lists.
select 'no listed dataset in the catalogue' as violation
where not exists (select 1 from datasets where is_listed)
