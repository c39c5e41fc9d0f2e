-- Matomo's log tables as its installer makes them (version 5), with the CustomDimensions plugin's columns; columns that
-- no test looks at are left out, but for some of each type.
create table matomo_log_visit (
    idvisit bigint(10) unsigned not null auto_increment,
    idsite int(10) unsigned not null,
    idvisitor binary(8) not null,
    visit_last_action_time datetime not null,
    config_id binary(8) not null default '',
    location_ip varbinary(16) not null default '',
    profilable tinyint(1) default null,
    user_id varchar(200) default null,
    visit_first_action_time datetime not null,
    visit_goal_buyer tinyint(1) default null,
    visit_goal_converted tinyint(1) default null,
    visitor_returning tinyint(1) default null,
    visitor_seconds_since_first int(11) unsigned default null,
    visit_entry_idaction_url int(11) unsigned default null,
    visit_exit_idaction_url int(11) unsigned default 0,
    visit_total_actions int(11) unsigned default null,
    visit_total_time int(11) unsigned default null,
    referer_url varchar(1500) default null,
    location_country char(3) default null,
    location_latitude decimal(9, 6) default null,
    config_device_type tinyint(100) default null,
    visitor_localtime time default null,
    primary key (idvisit),
    key index_idsite_config_datetime (idsite, config_id, visit_last_action_time),
    key index_idsite_datetime (idsite, visit_last_action_time),
    key index_idsite_idvisitor_time (idsite, idvisitor, visit_last_action_time)
) engine = innodb default charset = utf8mb4;

create table matomo_log_link_visit_action (
    idlink_va bigint(10) unsigned not null auto_increment,
    idsite int(10) unsigned not null,
    idvisitor binary(8) not null,
    idvisit bigint(10) unsigned not null,
    idaction_url_ref int(10) unsigned default 0,
    idaction_name_ref int(10) unsigned default null,
    custom_float double default null,
    pageview_position mediumint(8) unsigned default null,
    server_time datetime not null,
    idpageview char(6) default null,
    idaction_name int(10) unsigned default null,
    idaction_url int(10) unsigned default null,
    time_spent_ref_action int(10) unsigned default null,
    idaction_product_sku int(10) unsigned default null,
    product_price double default null,
    custom_dimension_1 varchar(255) default null,
    custom_dimension_2 varchar(255) default null,
    custom_dimension_3 varchar(255) default null,
    custom_dimension_4 varchar(255) default null,
    custom_dimension_5 varchar(255) default null,
    primary key (idlink_va),
    key index_idvisit (idvisit),
    key index_idsite_servertime (idsite, server_time)
) engine = innodb default charset = utf8mb4;

create table matomo_log_action (
    idaction int(10) unsigned not null auto_increment,
    name varchar(4096) default null,
    hash int(10) unsigned not null default 0,
    type tinyint(3) unsigned default null,
    url_prefix tinyint(2) default null,
    primary key (idaction),
    key index_type_hash (type, hash)
) engine = innodb default charset = utf8mb4;

create table matomo_log_conversion (
    idvisit bigint(10) unsigned not null,
    idsite int(10) unsigned not null,
    idvisitor binary(8) not null,
    server_time datetime not null,
    idaction_url int(10) unsigned default null,
    idlink_va bigint(10) unsigned default null,
    idgoal int(10) not null,
    buster int(10) unsigned not null,
    idorder varchar(100) default null,
    items smallint(5) unsigned default null,
    url varchar(4096) not null,
    revenue double default null,
    revenue_subtotal double default null,
    custom_dimension_1 varchar(255) default null,
    custom_dimension_2 varchar(255) default null,
    custom_dimension_3 varchar(255) default null,
    custom_dimension_4 varchar(255) default null,
    custom_dimension_5 varchar(255) default null,
    primary key (idvisit, idgoal, buster),
    unique key unique_idsite_idorder (idsite, idorder),
    key index_idsite_datetime (idsite, server_time)
) engine = innodb default charset = utf8mb4;

create table matomo_log_conversion_item (
    idsite int(10) unsigned not null,
    idvisitor binary(8) not null,
    server_time datetime not null,
    idvisit bigint(10) unsigned not null,
    idorder varchar(100) not null,
    idaction_sku int(10) unsigned not null,
    idaction_name int(10) unsigned not null default 0,
    idaction_category int(10) unsigned not null default 0,
    price double not null,
    quantity int(10) unsigned not null,
    deleted tinyint(1) unsigned not null,
    primary key (idvisit, idorder, idaction_sku),
    key index_idsite_servertime (idsite, server_time)
) engine = innodb default charset = utf8mb4;
