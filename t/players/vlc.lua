-- An interface of VLC's that waits for the end of a file and says what was
-- decoded until then: pictures, blocks of audio, and the state of the input
-- (4: ended, 5: error).

local pictures, blocks, state = 0, 0, 0
local began = false

while true do
    local input = vlc.object.input()

    if input then
        local item = vlc.input.item()
        local stats = item and item:stats() or {}

        began = true
        pictures = stats.decoded_video or pictures
        blocks = stats.decoded_audio or blocks
        state = vlc.var.get(input, "state")
    end

    if began and (not input or state >= 4) then
        print(string.format("PLAYED %d %d %d", pictures, blocks, state))
        vlc.misc.quit()
        break
    end

    vlc.misc.mwait(vlc.misc.mdate() + 5000)
end
