//! The examples of RFC 7515, appendices A.2 and A.3, and what must not pass.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_crypto::{InvalidVerifyingKey, SignatureAlgorithm, VerifyingKey};

const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS\
                       9pc19yb290Ijp0cnVlfQ";
const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJP\
                 MEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LO\
                 L-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlx\
                 vb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD\
                 TW9gb54h4FRWyuXpoQ";
const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHI\
                             m4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB\
                             --f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN938\
                             3LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO\
                             YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const EC_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfK\
                            TUJqPP3-Kg6NU1Q";

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn rsa() -> VerifyingKey {
    VerifyingKey::rsa(&bytes(N), &[1, 0, 1]).expect("the key of the RFC")
}

fn p256() -> VerifyingKey {
    VerifyingKey::p256(&bytes(X), &bytes(Y)).expect("the key of the RFC")
}

#[test]
fn the_examples_of_the_rfc_verify_and_altered_ones_do_not() {
    let rows = [
        (rsa(), "eyJhbGciOiJSUzI1NiJ9", RSA_SIGNATURE, "RS256"),
        (p256(), "eyJhbGciOiJFUzI1NiJ9", EC_SIGNATURE, "ES256"),
    ];
    for (key, header, signature, name) in &rows {
        assert_eq!(key.algorithm().as_str(), *name);
        let (message, good) = (format!("{header}.{PAYLOAD}"), bytes(signature));
        assert!(key.verifies(message.as_bytes(), &good), "{name}");
        assert!(!key.verifies(format!("{message}A").as_bytes(), &good));
        assert!(!key.verifies(message.as_bytes(), &[]));
        assert!(!key.verifies(message.as_bytes(), &good[1..]));
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(!key.verifies(message.as_bytes(), &bad), "{name}, byte {at}");
        }
    }
    let crossed = format!("{}.{PAYLOAD}", rows[0].1);
    assert!(!p256().verifies(crossed.as_bytes(), &bytes(RSA_SIGNATURE)));
    assert!(!p256().verifies(crossed.as_bytes(), &[0; 64]));
}

#[test]
fn a_weak_or_oversized_key_is_none() {
    let n = bytes(N);
    let even = [&n[..255], &[0xa0]].concat();
    let refused = Err(InvalidVerifyingKey);
    for (n, e) in [
        (&n[..255], &[1, 0, 1][..]),
        (&[&[1], &[0xff; 512][..]].concat(), &[1, 0, 1]),
        (&even, &[1, 0, 1]),
        (&[], &[1, 0, 1]),
        (&n, &[1]),
        (&n, &[]),
        (&n, &[2]),
        (&n, &[1, 0, 0, 0, 1]),
    ] {
        assert_eq!(VerifyingKey::rsa(n, e), refused);
    }
    let padded = [&[0], &n[..]].concat();
    assert_eq!(VerifyingKey::rsa(&padded, &[0, 1, 0, 1]), Ok(rsa()));
    assert_eq!(VerifyingKey::p256(&[1; 31], &[1; 32]), refused);
    assert_eq!(VerifyingKey::p256(&[1; 32], &[1; 33]), refused);
    let off_the_curve = VerifyingKey::p256(&[1; 32], &[1; 32]).expect("the right length");
    assert!(!off_the_curve.verifies(b"x", &bytes(EC_SIGNATURE)));
}

#[test]
fn only_two_algorithms_have_a_name() {
    for name in SignatureAlgorithm::ALL.map(SignatureAlgorithm::as_str) {
        assert_eq!(
            SignatureAlgorithm::by_name(name).map(SignatureAlgorithm::as_str),
            Some(name)
        );
    }
    for name in [
        "none", "None", "HS256", "rs256", "RS512", "ES256K", "PS256", "",
    ] {
        assert_eq!(SignatureAlgorithm::by_name(name), None, "{name}");
    }
}
