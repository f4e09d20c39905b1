# For docker-compose.odoo.yml: one server on one machine, in its own network, with its data in a volume.
storage "file" {
  path = "/data/storage"
}

listener "tcp" {
  address     = "0.0.0.0:8200"
  tls_disable = true
}

api_addr = "http://openbao:8200"
