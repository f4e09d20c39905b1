# For Odoo's shell: stores the sidecar's address and API key from "given", and sends the sidecar a key for its account
# in this Odoo, like an administrator with "Renew Account Key". The sidecar must be running.
env["sdmk.sidecar"]._connect(given["url"], given["key"])
env["sdmk.integration"]._renew_key()
env.cr.commit()
