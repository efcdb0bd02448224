//! JSON-RPC messages to `/mcp`: what our gate decided upon is what rmcp then
//! reads, however the bytes are put.

use picard_server::mcp::read_message;
use rmcp::model::ClientJsonRpcMessage;
use serde_json::Value;

/// The bytes are the body.
pub(crate) fn json_rpc(body: &[u8]) {
    match read_message(body) {
        Ok((method, id, message)) => good(body, &method, &id, &message),
        Err(answer) => {
            let (code, id) = (answer["error"]["code"].as_i64(), &answer["id"]);
            assert!(matches!(code, Some(-32700 | -32600 | -32602)), "{answer}");
            let as_json: Result<Value, _> = serde_json::from_slice(body);
            assert_eq!(code == Some(-32700), as_json.is_err());
            let sent = as_json.unwrap_or_default();
            assert!(id.is_null() || *id == sent["id"], "{id} was never sent");
        }
    }
}

fn good(body: &[u8], method: &str, id: &Value, message: &Value) {
    assert!(id.is_null() || id.is_string() || id.is_i64(), "{id}");
    assert_eq!(message["jsonrpc"], "2.0");
    assert_eq!(message["method"], method);
    assert_eq!(message.get("id").unwrap_or(&Value::Null), id);
    let params = &message["params"];
    assert!(params.is_null() || params.is_object());

    // What is handed on says the same when it is read once more, also when the
    // body named a member twice.
    let handed_on = message.to_string();
    let again = read_message(handed_on.as_bytes()).expect("it was a message before");
    assert_eq!((&*again.0, &again.1), (method, id));
    assert!(
        same(&again.2, message),
        "{:?}",
        String::from_utf8_lossy(body)
    );
    let Ok(read) = serde_json::from_str::<ClientJsonRpcMessage>(&handed_on) else {
        return;
    };
    let read = serde_json::to_value(&read).expect("rmcp writes what it reads");
    assert_eq!(read["method"], method, "rmcp sees another method");
    assert_eq!(read.get("id").unwrap_or(&Value::Null), id, "and another id");
    if method == "tools/call" {
        assert_eq!(read["params"]["name"], params["name"], "and another tool");
        let arguments = params.get("arguments").unwrap_or(&Value::Null);
        let seen = read["params"].get("arguments").unwrap_or(&Value::Null);
        assert!(same(seen, arguments), "and other arguments: {seen}");
    }
}

/// Tells whether two texts are the same JSON, but for the last digits of a
/// fraction: the parser is quick, and not exact to the last bit.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (
                a.as_f64().unwrap_or_default(),
                b.as_f64().unwrap_or_default(),
            );
            (a - b).abs() <= a.abs() * 1e-12
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let there = |(name, a): (&String, &Value)| b.get(name).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(there)
        }
        _ => a == b,
    }
}
