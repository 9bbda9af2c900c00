//! Signatures as exchanges document them.

use super::super::{Secrets, Source};

/// A request to an exchange with this path, signed in this way over whatever else `request` says.
fn rendered(request: &str, signature: &str, secret: &str, now_ms: u64) -> String {
    let text = format!(
        r#"
        version = 1
        name = "signed"
        host = "exchange.test"
        secrets.secret = {{ description = "a key" }}
        [request]
        {request}
        [request.signature]
        key = "secret"
        {signature}
        [response]
        body = [{{ anchor = '{{"balance":"' }}, {{ field = "balance" }}, {{ skip = 99 }}]
        [[fields]]
        name = "balance"
        visibility = "disclosed"
        type = "text"
        window = 20
        "#
    );
    let mut secrets = Secrets::new();
    secrets.insert("secret", secret.into());
    let source = Source::from_toml(&text).unwrap();
    let request = source.render(&secrets, now_ms).unwrap();
    assert_eq!(source.longest_request(&secrets).map(|longest| longest >= request.bytes.len()), Ok(true));
    String::from_utf8(request.bytes.to_vec()).unwrap()
}

#[test]
fn binance_signs_the_query() {
    // The example of Binance's documentation on request security.
    let request = r#"
        method = "GET"
        path = "/api/v3/order"
        query = ["symbol=LTCBTC", "side=BUY", "type=LIMIT", "timeInForce=GTC", "quantity=1", "price=0.1",
                 "recvWindow=5000", "timestamp={timestamp_ms}", "signature={signature}"]
    "#;
    let signature = r#"
        algorithm = "hmac-sha256"
        message = ["{query}"]
        encoding = "hex"
    "#;
    let key = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    let request = rendered(request, signature, key, 1_499_827_319_559);
    assert!(
        request.contains("signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71 HTTP"),
        "{request}"
    );
}

#[test]
fn kraken_signs_the_path_and_a_hash_of_nonce_and_body() {
    // The example of Kraken's documentation on authentication.
    let request = r#"
        method = "POST"
        path = "/0/private/AddOrder"
        headers = [{ name = "API-Sign", value = "{signature}" }]
        body = "nonce={timestamp_ms}&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    "#;
    let signature = r#"
        algorithm = "hmac-sha512"
        key_encoding = "base64"
        message = ["{path}", { sha256 = "{timestamp_ms}{body}" }]
        encoding = "base64"
    "#;
    let key = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==";
    let request = rendered(request, signature, key, 1_616_492_376_594);
    assert!(
        request.contains(
            "API-Sign: 4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==\r\n"
        ),
        "{request}"
    );
    assert!(request.contains("Content-Length: 80\r\n"), "{request}");
}

#[test]
fn coinbase_signs_time_method_path_and_body() {
    // Coinbase publishes no example; this one was computed with Python's hmac.
    let request = r#"
        method = "GET"
        path = "/accounts/71452118-efc7-4cc4-8780-a5e22d4baa53"
        headers = [{ name = "CB-ACCESS-SIGN", value = "{signature}" },
                   { name = "CB-ACCESS-TIMESTAMP", value = "{timestamp_s}" }]
    "#;
    let signature = r#"
        algorithm = "hmac-sha256"
        key_encoding = "base64"
        message = ["{timestamp_s}{method}{path}{body}"]
        encoding = "base64"
    "#;
    let key = "YSBzZWNyZXQgb2YgYW4gQVBJIGtleSwgaW4gQmFzZTY0";
    let request = rendered(request, signature, key, 1_616_492_376_594);
    assert!(
        request.contains("CB-ACCESS-SIGN: MVIPo80XxeSJbfHYHiElps4JGyIa0z1fawt3j7a8W9I=\r\n"),
        "{request}"
    );
}

#[test]
fn room_for_a_request_can_be_made_before_its_secrets_are_known() {
    let source = Source::from_toml(include_str!("../../../../../sources/binance-spot.toml")).unwrap();
    let mut secrets = Secrets::new();
    let room = source.longest_request(&secrets).unwrap();
    secrets.insert("api_key", "k".repeat(64));
    assert_eq!(source.longest_request(&secrets), Ok(room - 64), "a key may have 128 bytes");
    secrets.insert("api_secret", "s".repeat(64));
    let request = source.render(&secrets, 1_499_827_319_559).unwrap();
    assert_eq!(source.longest_request(&secrets), Ok(request.bytes.len()), "now it is exact");
    secrets.insert("api_key", "a b".into());
    assert_eq!(source.longest_request(&secrets).unwrap_err().code(), "secret");
}
