# For Odoo's shell: takes the sidecar's address and the key of its API from "given", and hands the sidecar a key for its
# account here, as an administrator does with "Renew Account Key". The sidecar must be running.
env["sdmk.sidecar"]._connect(given["url"], given["key"])
env["sdmk.integration"]._renew_key()
env.cr.commit()
