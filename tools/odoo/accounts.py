# For Odoo's shell: creates the users of "given", or resets their passwords. Committed at once.
for user in given:
    group = env.ref(user.pop("group"))
    known = env["res.users"].search([("login", "=", user["login"])])
    values = {**user, "tz": "Asia/Jakarta", "group_ids": [(4, group.id)]}
    if known:
        known.write(values)
    else:
        known.with_context(no_reset_password=True).create(values)
env.cr.commit()
