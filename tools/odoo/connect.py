# For Odoo's shell: takes the sidecar's address and the key of its API from "given", and hands the sidecar a key for its
# account here, as an administrator does with "Renew Account Key". The sidecar must be running.
parameters = env["ir.config_parameter"]
parameters.set_param("sdmk.sidecar.url", given["url"])
parameters.set_param("sdmk.sidecar.key", given["key"])
env["sdmk.integration"]._renew_key()
env.cr.commit()
