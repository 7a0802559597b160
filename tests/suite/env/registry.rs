//! Are the names of environments read back, and unknown ones answered?

use hyperl::env::EnvId;

#[test]
fn names_are_read_back() {
    for id in EnvId::ALL {
        assert_eq!(id.to_string(), id.spec().name);
        assert_eq!(id.to_string().parse::<EnvId>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<EnvId>(&json).unwrap(), id);
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let message = "cheetah".parse::<EnvId>().unwrap_err().to_string();
    assert_eq!(
        message,
        "unknown environment 'cheetah'; choose one of: \
         hopper, walker2d, half-cheetah, ant, ant-v4, ant-contact, hopper-v5, walker2d-v5, ant-v5, swimmer, \
         reacher, reacher-v5, pusher-v5, inverted-pendulum, inverted-pendulum-v5, inverted-double-pendulum, \
         inverted-double-pendulum-v5, humanoid, humanoid-v5"
    );
}
