// Calls of t/api_sdk.t, by the cloud's own client.
//
//     node calls.js MODULES ENDPOINT < calls
//
// A line of standard input is a call: { id, key, version, action, params,
// skip, language }; a line of standard output its answer, or what the client
// throws: { answer } or { code, message, id }.

"use strict"

const readline = require("readline")
const path = require("path")

const [, , modules, endpoint] = process.argv
const { CommonClient } = require(path.join(modules,
    "tencentcloud-sdk-nodejs-common"))

async function call(line) {
  const of = JSON.parse(line)
  const client = new CommonClient(endpoint, of.version || "2018-07-17", {
    credential: { secretId: of.id, secretKey: of.key, token: of.token },
    region: "ap-guangzhou",
    profile: {
      signMethod: of.method || "TC3-HMAC-SHA256",
      language: of.language,
      httpProfile: { endpoint, protocol: "http://", reqTimeout: 20,
                     reqMethod: of.get ? "GET" : "POST" },
    },
  })

  try {
    return { answer: await client.request(of.action, of.params || {}) }
  } catch (error) {
    return { code: error.code, message: error.message, id: error.requestId }
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await call(line)))
  }
}

main()
