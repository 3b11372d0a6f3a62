//! Nothing of a request is dropped: what has no neutral name, or is of another kind than it should be, is kept.

use serde_json::Value;

use super::*;

/// What is read of a body is written again as it stood.
#[track_caller]
fn kept(id: ApiId, body: &Value) {
    let api = id.spoken().expect("a spoken API");
    let conversation = api.read_request(body);
    assert_eq!(conversation.api, Some(id));
    if id != ApiId::Gemini {
        assert_eq!(conversation.model, body["model"].as_str().unwrap_or_default());
        assert_eq!(conversation.stream, body["stream"].as_bool().unwrap_or(id == ApiId::OllamaChat));
    }
    let model = conversation.model.clone();
    let again = api.write_request(&conversation, &model);
    let mut body = body.clone();
    // The model is named by whoever writes.
    if let Some(fields) = body.as_object_mut().filter(|_| !id.spoken().expect("spoken").path().contains("{model}")) {
        fields.entry("model").or_insert_with(|| model.into());
        if id == ApiId::OllamaChat {
            // What is not said is said.
            fields.entry("stream").or_insert(Value::Bool(true));
        }
    }
    assert_eq!(again, body, "{id}: {conversation:#?}");
}

/// The same where model and stream stand in the path, and are nothing in a body.
#[track_caller]
fn kept_in_path(id: ApiId, body: &Value) {
    let api = id.spoken().expect("a spoken API");
    let conversation = api.read_request(body);
    assert_eq!(api.write_request(&conversation, "m"), *body, "{id}: {conversation:#?}");
}

fn with(base: &Value, key: &str, value: &Value) -> Value {
    let mut body = base.clone();
    body[key] = value.clone();
    body
}

#[test]
fn what_is_of_another_kind_is_kept() {
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let messages = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9});
    let responses = json!({"model": "m", "input": [{"role": "user", "content": "Hi"}]});
    let odd = [Value::Null, json!(7), json!("odd"), json!(true), json!([7]), json!({"odd": 7})];
    let converse = json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]});
    // A list of stop texts may be one, and what is no tool at all stands for one without a name.
    for value in &odd {
        for key in ["user", "tools", "tool_choice", "response_format", "stop", "seed", "metadata", "unheard_of"] {
            if !(key == "stop" && value.is_string() || key == "tools" && value.is_array()) {
                kept(ApiId::OpenaiChat, &with(&chat, key, value));
            }
        }
        for key in
            ["system", "metadata", "tools", "tool_choice", "output_config", "stop_sequences", "top_k", "unheard_of"]
        {
            if !(key == "tools" && value.is_array() || key == "system" && (value.is_array() || value.is_object())) {
                kept(ApiId::AnthropicMessages, &with(&messages, key, value));
            }
        }
        for key in ["instructions", "tools", "tool_choice", "text", "reasoning", "user", "top_p", "unheard_of"] {
            if !(key == "tools" && value.is_array()) {
                kept(ApiId::OpenaiResponses, &with(&responses, key, value));
            }
        }
    }
    for value in &odd {
        let keys = ["system", "messages", "toolConfig", "inferenceConfig", "additionalModelRequestFields", "unheardOf"];
        for key in keys {
            if !(key == "system" && value.is_array()) {
                kept(ApiId::BedrockConverse, &with(&converse, key, value));
            }
        }
    }
    for value in &odd {
        for key in ["tools", "format", "options", "think", "keep_alive", "unheard_of"] {
            if !(key == "tools" && value.is_array()) {
                kept(ApiId::OllamaChat, &with(&chat, key, value));
            }
        }
        for key in
            ["tools", "tool_choice", "response_format", "p", "top_p", "stop", "stop_sequences", "user", "thinking"]
        {
            if !(key == "tools" && value.is_array() || key == "stop_sequences" && value.is_string()) {
                kept(ApiId::CohereChat, &with(&chat, key, value));
            }
        }
        for key in ["system", "metadata", "tool_choice", "stream", "model", "anthropic_version", "unheard_of"] {
            if !(key == "system" && (value.is_array() || value.is_object())) {
                let mut body = with(&messages, key, value);
                if key != "model" {
                    body.as_object_mut().expect("an object").shift_remove("model");
                }
                kept_in_path(ApiId::BedrockInvoke, &body);
            }
        }
    }
    for (id, body) in
        [(ApiId::OpenaiChat, &chat), (ApiId::AnthropicMessages, &messages), (ApiId::OpenaiResponses, &responses)]
    {
        for value in &odd {
            kept(id, &with(body, "stream", value));
            kept(id, &with(body, "model", value));
        }
    }
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    for value in &odd {
        for key in ["contents", "toolConfig", "generationConfig", "safetySettings", "unheardOf"] {
            if !(key == "contents" && value.is_array() || key == "toolConfig" && value.is_object()) {
                kept(ApiId::Gemini, &with(&gemini, key, value));
            }
        }
    }
    kept(ApiId::OpenaiResponses, &with(&responses, "tool_choice", &json!({"type": "mcp", "name": "x"})));
    for value in odd.iter().filter(|value| !value.is_array()) {
        kept(ApiId::OpenaiChat, &json!({"model": "m", "messages": value}));
        kept(ApiId::AnthropicMessages, &json!({"model": "m", "messages": value, "max_tokens": 9}));
    }
}

#[test]
fn every_content_is_kept_within_its_api() {
    for role in ["user", "assistant"] {
        for content in [json!(""), json!(7), json!([{"type": "text", "text": "Hi"}, 7])] {
            let message = json!({"role": role, "content": content});
            kept(ApiId::OpenaiChat, &json!({"model": "m", "messages": [message]}));
            kept(ApiId::AnthropicMessages, &json!({"model": "m", "max_tokens": 9, "messages": [message]}));
        }
        let nothing = json!({"role": role, "content": []});
        kept(ApiId::AnthropicMessages, &json!({"model": "m", "max_tokens": 9, "messages": [nothing]}));
        for content in [json!(""), json!([{"type": "input_text", "text": "Hi"}, 7])] {
            kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [{"role": role, "content": content}]}));
        }
    }
    kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [{"role": "assistant", "content": 7}]}));
    // Parts and items that other APIs do not have, and such as no API has.
    for part in [
        json!({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}),
        json!({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        json!({"odd": 7}),
    ] {
        for content in [json!([{"type": "text", "text": "Hm"}, part]), json!([part])] {
            let message = json!({"role": "assistant", "content": content});
            kept(ApiId::OpenaiChat, &json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}, message]}));
        }
    }
    for part in [
        json!({"type": "redacted_thinking", "data": "AAAA"}),
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}),
        json!({"odd": 7}),
    ] {
        for content in [json!([{"type": "text", "text": "Hm"}, part]), json!([part])] {
            let messages = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": content}]);
            kept(ApiId::AnthropicMessages, &json!({"model": "m", "max_tokens": 9, "messages": messages}));
        }
    }
    // A text alone stands in a list where that says more of it, and only there.
    let named = json!([{"role": "user", "content": "Hi", "name": "u"}]);
    let system = json!([{"type": "text", "text": "s", "citations": []}]);
    kept(ApiId::AnthropicMessages, &json!({"model": "m", "max_tokens": 9, "system": system, "messages": named}));
    for part in [
        json!({"type": "input_file", "file_id": "file-1"}),
        json!({"type": "output_text", "text": "Hm"}),
        json!({"type": "input_text", "text": "Hm"}),
        json!({"type": "refusal", "refusal": "I will not."}),
        json!({"type": "text", "text": "Hm"}),
        json!({"odd": 7}),
    ] {
        for role in ["user", "assistant"] {
            let message = json!({"role": role, "content": [{"type": "input_text", "text": "Hi"}, part]});
            kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [message]}));
            let message = json!({"role": role, "content": [part]});
            kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [message]}));
        }
    }
    let tomorrows = json!({"role": "user", "content": [{"type": "a_part_of_tomorrow"}]});
    kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [tomorrows]}));
    for block in [
        json!({"document": {"format": "txt", "name": "x", "source": {"bytes": "aGk="}}}),
        json!({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://x"}}}}),
        json!({"reasoningContent": {"redactedContent": "AAAA"}}),
        json!({"cachePoint": {"type": "default", "ttl": "1h"}}),
        json!({"cachePoint": {"type": "default"}}),
        json!({"toolUse": {"toolUseId": "t", "name": "f", "input": [], "type": "server_tool_use"}}),
        json!({"toolResult": {"toolUseId": "t", "content": [{"json": [1]}, {"text": "x"}], "status": "success"}}),
        json!({"toolResult": {"toolUseId": "t", "content": [], "status": "error"}}),
        json!({"text": "Hm", "odd": 7}),
        json!({"odd": 7}),
        json!(7),
    ] {
        for role in ["user", "assistant", "odd"] {
            let message = json!({"role": role, "content": [{"text": "Hi"}, block, {"text": "So"}]});
            let more = json!({"role": role, "content": [block], "odd": 7});
            kept(ApiId::BedrockConverse, &json!({"messages": [message, more, 7], "system": [{"text": "S"}, block]}));
        }
    }
    for config in [
        json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}, "strict": true}}, {"systemTool": {"name": "x"}}]}),
        json!({"tools": [{"toolSpec": {"description": 7}}, 7], "toolChoice": {"tool": {"name": "f"}}}),
        json!({"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {"type": "default"}}], "toolChoice": {"auto": {}}}),
        json!({"tools": [], "toolChoice": {"odd": {}}}),
        json!({}),
    ] {
        kept(ApiId::BedrockConverse, &json!({"messages": [], "toolConfig": config, "inferenceConfig": {"odd": 7}}));
    }
    kept(ApiId::BedrockConverse, &json!({"messages": [{"role": "user"}], "system": [], "inferenceConfig": {}}));
    for item in [
        json!({"type": "item_reference", "id": "msg_1"}),
        json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
        json!({"type": "message", "odd": 7}),
        json!({"type": "reasoning", "summary": [], "encrypted_content": "AAAA"}),
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "AAAA"}),
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]}),
        json!(7),
    ] {
        let first = json!({"role": "user", "content": "Hi"});
        let answer = json!({"role": "assistant", "content": "Hm"});
        kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [first, item]}));
        kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [first, item, answer, first]}));
        kept(ApiId::OpenaiResponses, &json!({"model": "m", "input": [first, item, first]}));
    }
}

#[test]
fn tools_of_a_vendors_own_are_kept_within_its_api_and_left_out_elsewhere() {
    let rows = [
        (ApiId::OpenaiChat, json!({"type": "custom", "custom": {"name": "grep"}}), "messages"),
        (ApiId::AnthropicMessages, json!({"type": "bash_20250124", "name": "bash"}), "messages"),
        (ApiId::OpenaiResponses, json!({"type": "web_search", "filters": {"domains": []}}), "input"),
    ];
    for (id, tool, turns) in &rows {
        let mut body = json!({"model": "m", "tools": [tool]});
        body[turns] = json!([{"role": "user", "content": "Hi"}]);
        if *id == ApiId::AnthropicMessages {
            body["max_tokens"] = json!(9);
        }
        kept(*id, &body);
        let conversation = id.spoken().expect("spoken").read_request(&body);
        let named = ["custom", "bash", "web_search"];
        assert!(named.contains(&conversation.tools[0].name.as_str()), "{:?}", conversation.tools[0]);
        // Bedrock takes for the same model what Anthropic takes.
        let same = |other: ApiId| other == *id || (*id, other) == (ApiId::AnthropicMessages, ApiId::BedrockInvoke);
        for other in spoken_apis().filter(|other| !same(other.id())) {
            let written = other.write_request(&conversation, "m");
            assert!(written.get("tools").is_none_or(|tools| *tools == json!([])), "{id} in {}: {written}", other.id());
            assert!(written.get("toolConfig").is_none(), "{id} in {}: {written}", other.id());
        }
    }
    // A tool with nothing but a name is one everywhere.
    let bare = Conversation {
        turns: vec![Turn { role: Role::User, parts: vec![Part::text("Hi")], place: String::new() }],
        tools: vec![ToolDefinition { name: "time".to_owned(), ..ToolDefinition::default() }],
        ..Conversation::default()
    };
    for from in ApiId::ALL.into_iter().map(Some).chain([None]) {
        let bare = Conversation { api: from, ..bare.clone() };
        for api in spoken_apis() {
            let written = api.write_request(&bare, "m");
            let tools = written.get("tools").or(written.pointer("/toolConfig/tools")).cloned().unwrap_or_default();
            assert!(tools.to_string().contains("\"time\""), "{from:?} in {}: {written}", api.id());
        }
    }
}

#[test]
fn what_only_one_vendor_has_is_told_to_no_other() {
    let part = json!({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}});
    let conversation = Conversation {
        turns: vec![
            Turn {
                role: Role::User,
                parts: vec![Part::Text { text: "Hi".to_owned(), cache: true }, Part::Other(part.clone())],
                place: String::new(),
            },
            Turn {
                role: Role::Assistant,
                parts: vec![
                    Part::Thinking { text: "Hm.".to_owned(), signature: None },
                    Part::Other(part.clone()),
                    Part::text("So."),
                ],
                place: String::new(),
            },
            Turn { role: Role::User, parts: vec![Part::Other(part)], place: String::new() },
        ],
        ..Conversation::default()
    };
    for from in [ApiId::OpenaiChat, ApiId::AnthropicMessages] {
        let conversation = Conversation { api: Some(from), ..conversation.clone() };
        for api in spoken_apis() {
            let written = api.write_request(&conversation, "m").to_string();
            let what = format!("{from} in {}: {written}", api.id());
            let messages = matches!(api.id(), ApiId::AnthropicMessages | ApiId::BedrockInvoke);
            let own = api.id() == from || messages && from == ApiId::AnthropicMessages;
            assert_eq!(written.contains("input_audio"), own, "{what}");
            assert_eq!(written.contains("Hm."), own && messages, "{what}");
            let marks = messages || own && api.id() == ApiId::OpenaiChat;
            assert_eq!(written.contains("cache_control"), marks, "{what}");
        }
    }
}

#[test]
fn one_call_at_a_time_is_said_with_a_choice() {
    let parallel = |parallel: Option<bool>, tools: bool, choice: Option<Value>| {
        let mut conversation = Conversation {
            turns: vec![Turn { role: Role::User, parts: vec![Part::text("Hi")], place: String::new() }],
            tool_choice: choice,
            ..Conversation::default()
        };
        conversation.params.extend(parallel.map(|parallel| ("parallel_tool_calls".to_owned(), json!(parallel))));
        if tools {
            conversation.tools = vec![ToolDefinition { name: "time".to_owned(), ..ToolDefinition::default() }];
        }
        let messages = ApiId::AnthropicMessages.spoken().expect("spoken");
        messages.write_request(&conversation, "m").get("tool_choice").cloned()
    };
    let one = |kind: &str| Some(json!({"type": kind, "disable_parallel_tool_use": true}));
    assert_eq!(parallel(Some(false), true, None), one("auto"));
    assert_eq!(parallel(Some(false), true, Some("required".into())), one("any"));
    assert_eq!(parallel(Some(true), true, None), None);
    assert_eq!(parallel(None, true, None), None);
    assert_eq!(parallel(Some(false), false, None), None);
    // What is chosen is read as it is written, in every API.
    for choice in [json!("auto"), json!("none"), json!("required"), json!({"tool": "time"})] {
        let conversation = Conversation {
            turns: vec![Turn { role: Role::User, parts: vec![Part::text("Hi")], place: String::new() }],
            tools: vec![ToolDefinition { name: "time".to_owned(), ..ToolDefinition::default() }],
            tool_choice: Some(choice.clone()),
            ..Conversation::default()
        };
        for api in spoken_apis() {
            let read = api.read_request(&api.write_request(&conversation, "m"));
            // Converse and Ollama forbid calls by offering no tools.
            let silent = matches!(api.id(), ApiId::BedrockConverse | ApiId::OllamaChat);
            let forbids = silent && choice == "none";
            let said = match api.id() {
                ApiId::OllamaChat => None,
                ApiId::BedrockConverse if forbids => None,
                // The model's own choice is what is not said, and a tool cannot be named.
                ApiId::CohereChat if choice == "auto" => None,
                ApiId::CohereChat if choice.is_object() => Some(json!("required")),
                _ => Some(choice.clone()),
            };
            assert_eq!(read.tool_choice, said, "{}", api.id());
            assert_eq!(read.tools.is_empty(), forbids, "{}", api.id());
        }
    }
}

#[test]
fn how_much_to_think_is_counted_where_the_vendor_counts() {
    let thinking = |thinking: Value| {
        let mut conversation = Conversation {
            turns: vec![Turn { role: Role::User, parts: vec![Part::text("Hi")], place: String::new() }],
            ..Conversation::default()
        };
        conversation.params.insert("thinking".to_owned(), thinking);
        let gemini = ApiId::Gemini.spoken().expect("spoken");
        let written = gemini.write_request(&conversation, "m");
        let read = gemini.read_request(&written).params.get("thinking").cloned();
        (written["generationConfig"]["thinkingConfig"].clone(), read)
    };
    let enabled = json!({"type": "enabled", "budget_tokens": 1024});
    assert_eq!(thinking(enabled.clone()), (json!({"thinkingBudget": 1024, "includeThoughts": true}), Some(enabled)));
    assert_eq!(thinking(json!({"type": "disabled"})), (json!({"thinkingBudget": 0}), None));
    assert_eq!(thinking(json!({"type": "adaptive"})), (Value::Null, None));
}
