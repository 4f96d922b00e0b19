'use strict'
// Every client may relay, and each domain has a given next hop: config/hops.json.

exports.register = function () {
    this.hops = this.config.get('hops.json')
}

// docs/Outbound.md: "A mail is treated as outbound when a plugin sets connection.relaying".
exports.hook_connect = function (next, connection) {
    connection.relaying = true
    next()
}

// docs/Outbound.md, "get_mx"
exports.hook_get_mx = function (next, hmail, domain) {
    const hop = this.hops[domain]
    if (!hop) return next(DENY, `no next hop for ${domain}`)
    next(OK, { priority: 0, exchange: hop.host, port: hop.port })
}
