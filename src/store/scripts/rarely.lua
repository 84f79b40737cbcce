-- Put in front of the parts that publish.lua needs for few messages, and rarely_end.lua behind them:
-- a script makes its functions anew with each call, which costs every message 2 %. So they are made
-- by one function, when they are needed. docs/RATIONALE.md
local function rarely()
