"""The settings that dovecot and opensmtpd are started with."""

DOVECOT_CONFIG = """
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/certificate.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
mail_location = maildir:{home}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 100
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {home}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={home}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = create
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@shop.example
}}
"""

OAUTH_CONFIG = """
introspection_mode = post
introspection_url = http://127.0.0.1:{oauth}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""

SMTPD_CONFIG = """
table domains {{ "shop.example", "customer.example" }}
table people {{ "@shop.example" = "nobody", "@customer.example" = "nobody" }}
listen on 127.0.0.1 port {smtp} hostname mail.shop.example
action "deliver" lmtp "127.0.0.1:{lmtp}" rcpt-to virtual <people>
action "elsewhere" relay host "smtp://127.0.0.1:{refusing}"
match from any for domain <domains> action "deliver"
match from any for domain "refused.example" action "elsewhere"
"""
