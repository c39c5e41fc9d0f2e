create table `user` (
    id bigint not null auto_increment primary key,
    company_name varchar(255),
    province varchar(64),
    city varchar(64),
    is_consumption bit(1),
    phone varchar(32),
    password varchar(128),
    create_time datetime,
    update_time datetime,
    last_login_time datetime
) engine = innodb default charset = utf8mb4;

create table dataset (
    id bigint not null auto_increment primary key,
    dataset_name varchar(255),
    description mediumtext,
    tag varchar(1000),
    price varchar(64),
    create_company_name varchar(1000),
    is_delete tinyint(1) not null default 0,
    cover_id bigint,
    create_time datetime,
    update_time datetime,
    key idx_update_time (update_time)
) engine = innodb default charset = utf8mb4;

create table task (
    id bigint not null auto_increment primary key,
    dataset_id bigint not null,
    create_user bigint,
    price decimal(12, 4),
    create_time datetime,
    update_time datetime
) engine = innodb default charset = utf8mb4;

create table api_order (
    id bigint not null auto_increment primary key,
    api_id bigint not null,
    creator_id bigint,
    price decimal(12, 4),
    api_price decimal(12, 4),
    create_time datetime,
    update_time datetime,
    pay_time datetime
) engine = innodb default charset = utf8mb4;

create table dataset_image (
    id bigint not null auto_increment primary key,
    dataset_id bigint not null,
    image_url varchar(500),
    image_order int,
    create_time datetime,
    update_time datetime
) engine = innodb default charset = utf8mb4;
