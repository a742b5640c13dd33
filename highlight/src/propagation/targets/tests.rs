use proptest::prelude::*;

use super::*;

fn targets(patterns: &[&str]) -> Targets {
    let mut targets = Targets::default();
    for pattern in patterns {
        if let Err(why) = targets.add(pattern) {
            panic!("{pattern}: {why}");
        }
    }
    targets
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[track_caller]
fn check(targets: &Targets, text: &str, allowed: bool) {
    assert_eq!(targets.allows(&uri(text)), allowed, "{text}");
}

#[test]
fn private_hosts_are_allowed_without_asking() {
    let targets = targets(&[]);
    for text in [
        // Loopback.
        "http://localhost/",
        "http://localhost:8080/path?query",
        "http://localhost./",
        "http://LOCALHOST/",
        "http://app.localhost:3000/",
        "http://127.0.0.1/",
        "http://127.8.9.10:9000/",
        "http://[::1]/",
        "http://[::1]:8080/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://user:secret@localhost/",
        // RFC 1918.
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "https://192.168.1.20:8443/",
        "http://[::ffff:10.1.2.3]/",
        "http://[::ffff:a01:203]/",
        // RFC 4193.
        "http://[fc00::1]/",
        "http://[fd12:3456:789a::1]:80/",
        // Names of a cluster or a private network.
        "http://checkout/",
        "http://checkout:8080/",
        "http://cart_service/",
        "http://xn--bcher-kva/",
        "http://checkout.shop.svc/",
        "http://checkout.shop.svc.cluster.local/",
        "http://printer.local/",
        "http://printer.local./",
        "http://Billing.Internal/",
        // gRPC channels and clients often have an authority only.
        "checkout:50051",
    ] {
        check(&targets, text, true);
    }
}

#[test]
fn strangers_are_not_allowed() {
    let targets = targets(&[]);
    for text in [
        "https://example.com/",
        "http://8.8.8.8/",
        "http://172.15.0.1/",
        "http://172.32.0.1/",
        "http://192.169.0.1/",
        "http://100.64.0.1/",
        "http://[2001:db8::1]/",
        "http://[::ffff:8.8.8.8]/",
        // A private word in the wrong place.
        "http://localhost.evil.org/",
        "http://127.0.0.1.evil.org/",
        "http://internal.evil.org/",
        "http://mylocalhost.org/",
        "http://notlocal.evillocal.org/",
        "http://evil.org/localhost",
        "http://evil.org?http://localhost/",
        "http://xn--lcalhost-tqf.org/",
        // The text before the last `@` is no host.
        "http://localhost@evil.org/",
        "http://localhost:80@evil.org/",
        "http://127.0.0.1:80@evil.org:80/",
        "http://[::1]@evil.org/",
        // A port that is none.
        "http://localhost:.evil.org/",
        "http://localhost:80.evil.org/",
        "http://localhost:localhost/",
        "http://user@localhost:localhost/",
        "http://localhost:65536/",
        "http://[::1]:.evil.org/",
        // A dotless name with a dot is a top-level domain.
        "http://ai./",
        // No host at all.
        "/orders",
        "*",
    ] {
        check(&targets, text, false);
    }
}

#[test]
fn suffixes_match_whole_labels() {
    let targets = targets(&[]);
    for text in
        ["http://evil.notinternal/", "http://evil.mylocal/", "http://evil.xsvc/", "http://svc.evil.org/"]
    {
        check(&targets, text, false);
    }
}

#[test]
fn metadata_services_and_unspecified_addresses_are_not_neighbours() {
    let targets = targets(&[]);
    for text in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://[fd20:ce::254]/",
        "http://[fe80::1]/",
        "http://metadata.google.internal/",
        "http://METADATA.google.internal./",
        "http://metadata/",
        "http://instance-data.ec2.internal/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://255.255.255.255/",
        "http://224.0.0.1/",
    ] {
        check(&targets, text, false);
    }
}

#[test]
fn addresses_in_disguise_are_neither_addresses_nor_names() {
    let targets = targets(&[]);
    for text in [
        "http://2130706433/",
        "http://134744072/",
        "http://0x7f000001/",
        "http://0X8.0X8.0X8.0X8/",
        "http://0x/",
        "http://0177.0.0.1/",
        "http://010.0.0.1/",
        "http://127.1/",
        "http://10.1.2/",
        "http://10.0.0.256/",
        "http://10.0.0.1./",
        "http://1.2.3.4.5/",
        "http://[::127.0.0.1]/",
    ] {
        check(&targets, text, false);
    }
}

#[test]
fn hosts_that_are_no_names_are_not_allowed() {
    let targets = targets(&["*.internal"]);
    for text in [
        "http://./",
        "http://../",
        "http://.internal/",
        "http://a..internal/",
        "http://a.internal../",
        "http://evil.org%2f.internal/",
        "http://evil.org%00.internal/",
        "http://evil.org!.internal/",
        "http://evil.org;.internal/",
    ] {
        // Where the parser already refuses the text, no request can be made with it.
        if let Ok(uri) = text.parse() {
            assert!(!targets.allows(&uri), "{text}");
        }
    }
    check(&targets, "http://a.internal/", true);
}

#[test]
fn hosts_that_the_parser_of_urls_refuses_need_no_rule() {
    for text in [
        "http:///",
        "http://",
        "http://evil.org\\@localhost/",
        "http://lоcalhost/", // The first `o` is Cyrillic.
        "http://[::1/",
        "http://local host/",
    ] {
        assert!(text.parse::<Uri>().is_err(), "{text}");
    }
}

#[test]
fn an_exact_pattern_allows_one_host_on_any_port() {
    let targets = targets(&["api.example.com"]);
    for text in ["https://api.example.com/", "http://api.example.com:8080/", "https://API.Example.COM./v1"] {
        check(&targets, text, true);
    }
    for text in [
        "https://example.com/",
        "https://v2.api.example.com/",
        "https://evil-api.example.com/",
        "https://api.example.com.evil.org/",
        "https://api.example.com@evil.org/",
        "https://api.example.comm/",
        "https://xn--pi-0lc.example.com/",
    ] {
        check(&targets, text, false);
    }
}

#[test]
fn a_wildcard_allows_subdomains_at_any_depth_and_not_the_domain() {
    let targets = targets(&["*.example.com"]);
    for text in ["https://a.example.com/", "https://b.a.example.com:1/"] {
        check(&targets, text, true);
    }
    for text in [
        "https://example.com/",
        "https://evil-example.com/",
        "https://aexample.com/",
        "https://a.example.com.evil.org/",
        "https://.example.com/",
    ] {
        check(&targets, text, false);
    }
}

#[test]
fn a_port_in_a_pattern_is_the_only_port() {
    let targets = targets(&["api.example.com:8443", "*.example.org:443", "203.0.113.7:80"]);
    for (text, allowed) in [
        ("https://api.example.com:8443/", true),
        ("https://api.example.com/", false),
        ("https://a.example.org/", true),
        ("https://a.example.org:443/", true),
        ("http://a.example.org/", false),
        ("http://203.0.113.7/", true),
        ("https://203.0.113.7/", false),
    ] {
        check(&targets, text, allowed);
    }
}

#[test]
fn addresses_can_be_added_in_any_spelling() {
    let targets = targets(&["203.0.113.7", "[2001:DB8::7]:8080", "169.254.10.1"]);
    for (text, allowed) in [
        ("http://203.0.113.7/", true),
        ("http://[::ffff:203.0.113.7]/", true),
        ("http://203.0.113.8/", false),
        ("http://[2001:db8:0::7]:8080/", true),
        ("http://[2001:db8::7]/", false),
        ("http://169.254.10.1/", true),
        ("http://203.0.113.7.evil.org/", false),
    ] {
        check(&targets, text, allowed);
    }
}

#[test]
fn patterns_that_mean_something_else_are_refused_with_a_remedy() {
    for (pattern, remedy) in [
        ("", "host name"),
        ("*", "subdomains"),
        ("*.", "host name"),
        ("*.*", "subdomains"),
        ("api.*.com", "subdomains"),
        ("*example.com", "subdomains"),
        ("https://api.example.com", "without scheme"),
        ("api.example.com/v1", "without scheme"),
        ("user@api.example.com", "without scheme"),
        ("bücher.example", "punycode"),
        ("api example.com", "host name"),
        (".example.com", "host name"),
        ("example..com", "host name"),
        ("example.com:", "port"),
        ("example.com:0", "port"),
        ("example.com:65536", "port"),
        ("example.com:http", "port"),
        ("2001:db8::7", "brackets"),
        ("[::1", "brackets"),
        ("*.10.0.0.1", "subdomains"),
        ("2130706433", "host name"),
        ("0x7f.1", "host name"),
    ] {
        match Targets::default().add(pattern) {
            Ok(()) => panic!("{pattern:?} was accepted"),
            Err(why) => assert!(why.remedy().contains(remedy), "{pattern:?}: {why}"),
        }
    }
}

proptest! {
    #[test]
    fn nothing_below_a_strangers_domain_is_allowed(prefix in "[a-z0-9.@:_-]{0,20}") {
        let targets = targets(&["example.com", "*.example.com"]);
        if let Ok(uri) = format!("http://{prefix}.evil.org/").parse() {
            prop_assert!(!targets.allows(&uri));
        }
    }

    #[test]
    fn a_wildcard_is_a_match_of_whole_labels(host in "[a-z]{1,3}([.-](example|com|evil)){1,3}") {
        let targets = targets(&["*.example.com"]);
        let allowed = targets.allows(&uri(&format!("http://{host}/")));
        let labels: Vec<_> = host.split('.').collect();
        // Names without dots are private, whatever they are.
        prop_assert_eq!(allowed, labels.len() == 1 || (labels.len() > 2 && labels.ends_with(&["example", "com"])));
    }

    #[test]
    fn an_ipv4_address_is_treated_alike_in_both_spellings(bits in any::<u32>()) {
        let address = Ipv4Addr::from(bits);
        let targets = targets(&[]);
        let expected = address.is_private() || address.is_loopback();
        prop_assert_eq!(targets.allows(&uri(&format!("http://{address}/"))), expected);
        prop_assert_eq!(targets.allows(&uri(&format!("http://[{}]/", address.to_ipv6_mapped()))), expected);
    }

    #[test]
    fn patterns_never_panic_and_match_what_they_spell(pattern in "[a-z0-9*.:\\[\\]-]{0,20}") {
        let mut targets = Targets::default();
        if targets.add(&pattern).is_ok() && !pattern.contains('*') {
            prop_assert!(targets.allows(&uri(&format!("http://{pattern}/"))), "{}", pattern);
        }
    }
}
