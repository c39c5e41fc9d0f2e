//! Searches in Chinese and English: by both scripts, full width, pinyin, and what is written in both languages.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::support::{AS_OF, Nearset, Server, catalogue, ids};

const NAMES: [&str; 14] = [
    "全国空气质量逐时监测",
    "臺灣空氣品質即時監測",
    "城市PM2.5浓度",
    "ＧＤＰ增长与就业",
    "COVID-19疫情统计",
    "iPhone销量",
    "A股市场行情",
    "C++代码问题",
    "5G基站分布",
    "重庆暴雨预警",
    "Weather stations of the coast",
    "Coastal weather by hour",
    "农作物病虫害图片",
    "東京都の人口統計",
];

fn found(server: &Server, query: &str) -> Vec<String> {
    let answer = server.get(&format!("/search?q={}&limit=5", utf8_percent_encode(query, NON_ALPHANUMERIC))).1;
    let items = answer["items"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
    items.iter().map(|item| item["title"].as_str().expect("a title").to_owned()).collect()
}

#[test]
fn chinese_is_found_however_it_is_written_or_typed() {
    let mut n = Nearset::empty();
    n.set("TRAIN_SECONDS", "0");
    n.set("DATA_JSON_DIR", &n.exports().to_string_lossy());
    n.write("dataset.json", &catalogue(&NAMES));
    n.ok(&["run", "--as-of", AS_OF]);
    let server = n.serve();
    for (query, name) in [
        // one script by the other, whole width by half
        ("台湾空气品质", NAMES[1]),
        ("臺灣空氣品質", NAMES[1]),
        ("空氣質量", NAMES[0]),
        ("gdp增長", NAMES[3]),
        ("ｃｏｖｉｄ", NAMES[4]),
        ("东京 人口统计", NAMES[13]),
        // pinyin: first letters, whole, apart, with characters, another sound of a character
        ("kqzl", NAMES[0]),
        ("kongqizhiliang", NAMES[0]),
        ("kongqi zhiliang", NAMES[0]),
        ("kong qi zhi liang", NAMES[0]),
        ("kq质量", NAMES[0]),
        ("twkq", NAMES[1]),
        ("chongqing", NAMES[9]),
        ("iphonexl", NAMES[5]),
        ("gdp zengzhang", NAMES[3]),
        // both languages
        ("GDP", NAMES[3]),
        ("增长", NAMES[3]),
        ("iphone", NAMES[5]),
        ("销量", NAMES[5]),
        ("PM2.5", NAMES[2]),
        ("pm25", NAMES[2]),
        ("浓度", NAMES[2]),
        ("COVID19", NAMES[4]),
        ("A股", NAMES[6]),
        ("C++", NAMES[7]),
        ("5g", NAMES[8]),
        ("雨", NAMES[9]),
        // English as ever
        ("coastal weather", NAMES[11]),
        ("coast weather stations", NAMES[10]),
    ] {
        assert_eq!(found(&server, query).first().map(String::as_str), Some(name), "{query}");
    }
    assert_eq!(found(&server, "kqzlx"), [""; 0]);
    assert!(found(&server, "weather")[..2].iter().all(|name| name.to_lowercase().contains("weather")));
    assert!(n.ok(&["search", "kqzl"]).lines().next().is_some_and(|line| line.contains(NAMES[0])));

    // neighbours in one script and the other: the air of both before anything else
    assert_eq!(ids(&server.list("/similar/1?top_n=1")), [2]);
    assert_eq!(ids(&server.list("/similar/2?top_n=1")), [1]);
}
