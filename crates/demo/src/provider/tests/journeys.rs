//! Sign-ins, refreshes, pushed requests, sign-outs and faults.

use super::*;

/// An application that keeps the bodies it receives.
async fn application(status: StatusCode) -> (LoopbackServer, String, Arc<Mutex<Vec<String>>>) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    let listener = LoopbackServer::bind(LOOPBACK).await.unwrap();
    let server = LoopbackServer::serve(listener, move |request| {
        let kept = Arc::clone(&kept);
        async move {
            let form = Form::read(request).await.unwrap();
            kept.lock().unwrap().push(form.get("logout_token").unwrap().to_owned());
            Some(json(status, &json!({})))
        }
    })
    .unwrap();
    let uri = format!("http://{}/back-channel-logout", server.address());
    (server, uri, received)
}

#[tokio::test]
async fn john_signs_in_with_a_password_registers_once_and_verifies_from_then_on() {
    let provider = provider().await;
    let mut browser = Browser::of(&provider);
    let page = browser.authorize("").await;
    assert_eq!(page.title(), "Who signs in?");
    let page = browser.press(&page, "action=choose&who=john").await;
    assert_eq!(page.title(), "Enter the password");
    let back = browser.press(&page, "action=password&password=x").await;
    assert_eq!((back.status, back.parameter("state").as_deref()), (303, Some("s")));
    let first = claims(&browser.redeem(&back).await["id_token"]);
    assert_eq!((&first["amr"], &first["acr"]), (&json!(["pwd"]), &json!("1")));

    let mut page = browser.authorize("login_hint=john@fabrikam.example&acr_values=c1").await;
    for (title, body) in [
        ("More information required", "action=next"),
        ("Choose a method", "action=register&method=app"),
        ("You are registered", "action=next"),
        ("Approve the sign-in", "action=approve"),
    ] {
        assert_eq!(page.title(), title);
        page = browser.press(&page, body).await;
    }
    let second = claims(&browser.redeem(&page).await["id_token"]);
    assert_eq!((&second["amr"], &second["acr"]), (&json!(["pwd", "mfa"]), &json!("c1")));
    assert_eq!((&second["sid"], &second["auth_time"]), (&first["sid"], &first["auth_time"]));

    let mut another = Browser::of(&provider);
    let page = another.authorize("login_hint=john&acr_values=c1").await;
    let page = another.press(&page, "action=password").await;
    assert_eq!(page.title(), "Approve the sign-in");
    let denied = another.press(&page, "action=deny").await;
    assert_eq!(denied.parameter("error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_client_without_pages_presses_johns_buttons_by_post() {
    let provider = provider().await;
    provider.faults().change(|faults| faults.sign_in.mfa = MfaStep::Pressed);
    let mut client = Browser { accept: "*/*", ..Browser::of(&provider) };
    let back = client.authorize("login_hint=john&amr_values=mfa").await;
    assert_eq!(claims(&client.redeem(&back).await["id_token"])["amr"], json!(["pwd", "mfa"]));
    provider.faults().reset();
    let mut client = Browser { accept: "*/*", ..Browser::of(&provider) };
    let mut page = client.authorize("login_hint=john&amr_values=mfa").await;
    for body in ["action=next", "action=register", "action=next", "action=approve"] {
        page = client.press(&page, body).await;
    }
    assert_eq!(claims(&client.redeem(&page).await["id_token"])["amr"], json!(["pwd", "mfa"]));
}

#[tokio::test]
async fn another_user_is_chosen_in_the_middle_and_a_page_can_be_loaded_again() {
    let provider = provider().await;
    let mut browser = Browser::of(&provider);
    let page = browser.authorize("login_hint=jane").await;
    let path = page.body.split("action=\"/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(browser.get(&path).await.title(), "Enter the password");
    let page = browser.press(&page, "action=other").await;
    assert_eq!(page.title(), "Who signs in?");
    let page = browser.press(&page, "action=choose&who=trent").await;
    assert_eq!(page.title(), "Sign in at your company");
    let back = browser.press(&page, "action=federated").await;
    assert_eq!(claims(&browser.redeem(&back).await["id_token"])["amr"], json!(["fed", "mfa"]));
    assert_eq!(browser.get(&path).await.status, 410);
}

#[tokio::test]
async fn a_pushed_request_is_used_once_and_can_be_required() {
    let provider = provider().await;
    let mut client = Browser { accept: "*/*", ..Browser::of(&provider) };
    let secret = format!("client_secret={DEMO_ONLY_PORTAL_SECRET}");
    let pushed = client.form("par", &format!("{}&login_hint=jane&{secret}", request())).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let uri = serde_json::from_str::<Value>(&pushed.body).unwrap()["request_uri"].as_str().unwrap().to_owned();
    provider.faults().change(|faults| faults.require_pushed = true);
    let path = format!("authorize?client_id={PORTAL_CLIENT_ID}&request_uri={uri}");
    assert!(client.get(&path).await.parameter("code").is_some());
    assert_eq!(client.get(&path).await.status, 400);
    assert_eq!(client.authorize("login_hint=jane").await.status, 400);
    assert_eq!(client.form("par", &request()).await.status, 401);
    assert_eq!((provider.counts().pushed, provider.counts().authorize), (2, 3));
}

#[tokio::test]
async fn a_sign_out_ends_the_session_tells_the_application_and_leads_back() {
    let provider = provider().await;
    let (_server, uri, received) = application(StatusCode::OK).await;
    let registration = Registration { backchannel_logout_uri: Some(uri), ..Registration::default() };
    provider.register(PORTAL_CLIENT_ID, registration);
    let mut browser = Browser { accept: "*/*", ..Browser::of(&provider) };
    let back = browser.authorize("login_hint=jane").await;
    let tokens = browser.redeem(&back).await;
    let (hint, refresh) = (tokens["id_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let query = format!("id_token_hint={hint}&post_logout_redirect_uri=http://127.0.0.1:9/signed-out&state=out");
    let out = browser.get(&format!("logout?{query}")).await;
    assert_eq!(out.location.unwrap().as_str(), "http://127.0.0.1:9/signed-out?state=out");
    let logout = received.lock().unwrap().clone();
    let logout = claims(&json!(logout[0]));
    let identity = claims(&tokens["id_token"]);
    for claim in ["iss", "aud", "sub", "sid"] {
        assert_eq!(logout[claim], identity[claim], "{claim}");
    }
    assert!(logout["jti"].is_string() && logout["events"].is_object() && logout.get("nonce").is_none());
    assert_eq!(browser.authorize("prompt=none").await.parameter("error").as_deref(), Some("login_required"));
    // As at Entra, a sign-out leaves refresh tokens alive.
    assert!(browser.token(&format!("grant_type=refresh_token&refresh_token={refresh}")).await.is_ok());
}

#[tokio::test]
async fn a_sign_out_without_a_hint_is_asked_about_and_shows_the_frames() {
    let provider = provider().await;
    let frontchannel_logout_uri = Some("http://127.0.0.1:9/front".to_owned());
    let frontchannel_sends = FrontChannel::Sid;
    let registration = Registration { frontchannel_logout_uri, frontchannel_sends, ..Registration::default() };
    provider.register(PORTAL_CLIENT_ID, registration);
    let mut browser = Browser { accept: "*/*", ..Browser::of(&provider) };
    let _ = browser.authorize("login_hint=jane").await;
    let sid = provider.sessions_of("jane").pop().unwrap();
    let page = browser.get("logout").await;
    assert_eq!(page.title(), "Sign out?");
    let page = browser.press(&page, "confirm=yes").await;
    assert!(page.body.contains(&format!("src=\"http://127.0.0.1:9/front?sid={sid}\"")), "{}", page.body);
    assert!(provider.sessions_of("jane").is_empty());
}

#[tokio::test]
async fn an_admin_ends_sessions_with_their_refresh_tokens() {
    let provider = provider().await;
    let (_server, uri, received) = application(StatusCode::BAD_REQUEST).await;
    let registration = Registration { backchannel_logout_uri: Some(uri), ..Registration::default() };
    provider.register(PORTAL_CLIENT_ID, registration);
    provider.faults().merge(&json!({ "logout_token": { "claims": { "sid": null, "nonce": "n" } } })).unwrap();
    let mut browser = Browser { accept: "*/*", ..Browser::of(&provider) };
    let back = browser.authorize("login_hint=jane").await;
    let refresh = browser.redeem(&back).await["refresh_token"].as_str().unwrap().to_owned();
    let deliveries = provider.end_sessions_of("jane").await;
    assert_eq!(deliveries.iter().map(|delivery| delivery.status).collect::<Vec<_>>(), [Some(400)]);
    let logout = received.lock().unwrap().clone();
    let logout = claims(&json!(logout[0]));
    assert_eq!((logout.get("sid"), &logout["nonce"]), (None, &json!("n")));
    assert_eq!(browser.token(&format!("grant_type=refresh_token&refresh_token={refresh}")).await, Err(400));
}

#[tokio::test]
async fn faults_are_set_and_taken_back_over_http() {
    let provider = provider().await;
    let mut client = Browser { accept: "*/*", ..Browser::of(&provider) };
    let fault = r#"{ "refresh": { "late": true, "instead": "redirect", "status": 302, "times": 1 } }"#;
    assert_eq!(client.post("faults", "text/plain", fault).await.status, 400);
    assert_eq!(client.post("faults", "application/json", r#"{ "unknown": 1 }"#).await.status, 400);
    let back = client.authorize("login_hint=jane").await;
    let first = client.redeem(&back).await["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(client.post("faults", "application/json", fault).await.status, 200);
    let refresh = format!("grant_type=refresh_token&refresh_token={first}");
    let secret = format!("client_id={PORTAL_CLIENT_ID}&client_secret={DEMO_ONLY_PORTAL_SECRET}");
    let request = client.http.post(format!("{}token", client.base));
    let request =
        request.header("content-type", "application/x-www-form-urlencoded").body(format!("{refresh}&{secret}"));
    assert_eq!(request.send().await.unwrap().status(), 302);
    // The refresh took effect, so the old token is spent.
    assert_eq!(client.token(&refresh).await, Err(400));
    let fault = r#"{ "token": { "status": 400, "body": { "error": "invalid_grant", "suberror": "bad_token" } } }"#;
    assert_eq!(client.post("faults", "application/json", fault).await.status, 200);
    let refused = client.form("token", "grant_type=authorization_code").await;
    assert!(refused.status == 400 && refused.body.contains("bad_token"), "{}", refused.body);
    provider.faults().reset();
    assert!(client.get("faults").await.body.contains("\"status\": null"));
    assert_eq!((provider.counts().token, provider.counts().refresh), (4, 2));
}
